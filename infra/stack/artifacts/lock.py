"""The files of Kafka, registry and database that the embedded stack runs on, locked by version and checksum.

jgo has a lock file too, but it knows no sizes (the progress bar's total) and no groups, so stack.lock is our own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from pathlib import Path

LOCK_FILE = Path(__file__).with_name("stack.lock")


@dataclasses.dataclass(frozen=True, slots=True)
class LockedFile:
    """One Maven artifact: its coordinate and what its bytes must be."""

    unit: str  #: the part of the stack that it belongs to: kafka, registry, mariadb
    group: str
    artifact: str
    version: str
    classifier: str
    kind: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """As the repository names it."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{suffix}.{self.kind}"


@dataclasses.dataclass(frozen=True, slots=True)
class Unit:
    """One part of the stack: files that are downloaded, checked and unpacked together."""

    name: str
    files: tuple[LockedFile, ...]

    @property
    def digest(self) -> str:
        """Changes with every change of the lock, so that an old cache is never taken for the new one."""
        return hashlib.sha256("\n".join(file.sha256 for file in self.files).encode()).hexdigest()[:12]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(file.size for file in self.files)


def read_lock(path: Path = LOCK_FILE) -> tuple[Unit, ...]:
    """All units, in the order of the lock file."""
    with path.open("rb") as file:
        locked = [LockedFile(**entry) for entry in tomllib.load(file)["file"]]
    names = dict.fromkeys(entry.unit for entry in locked)
    return tuple(Unit(name, tuple(entry for entry in locked if entry.unit == name)) for name in names)


def sha256_of(path: Path) -> str:
    """As lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
