"""What a file system refuses, in words."""

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
    """An OSError of the body becomes an error that names the directory and the way out."""
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise disk_full(directory, hint=hint) from exc
        raise StackError(f"{directory} cannot be used: {exc}", hint=hint) from exc


def disk_full(directory: Path | str, *, hint: str) -> DiskFullError:
    """For those who learn of it in another way than by an OSError."""
    return DiskFullError(f"the disk of {directory} is full", hint=hint)


def tells_of_full_disk(text: str) -> bool:
    """Whether a server's own words mean that."""
    return any(words in text for words in _FULL_WORDS)
