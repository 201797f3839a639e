"""Errors of the file system, in words."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from infra.stack.errors import DiskFullError, StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Error numbers of a disk that has no room left.
FULL = {errno.ENOSPC, errno.EDQUOT}
_FULL_WORDS = ("No space left on device", "Disk is full", "Errcode: 28", "with error 28", "Disk quota exceeded")


@contextlib.contextmanager
def disk_errors(directory: Path, *, hint: str) -> Iterator[None]:
    """Turns an OSError of the body into an error that names the directory and says what to do."""
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise disk_full(directory, hint=hint) from exc
        raise StackError(f"{directory} cannot be used: {exc}", hint=hint) from exc


def disk_full(directory: Path | str, *, hint: str) -> DiskFullError:
    """The error for a full disk that is noticed without an OSError."""
    return DiskFullError(f"the disk of {directory} is full", hint=hint)


def tells_of_full_disk(text: str) -> bool:
    """Whether the words of a server mean a full disk."""
    return any(words in text for words in _FULL_WORDS)
