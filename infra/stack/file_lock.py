"""An advisory lock on a file; the kernel frees it when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def file_lock(path: Path, before_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock. If another process has it, `before_waiting` is called first; it may raise."""
    handle = _locked(path, before_waiting)
    try:
        yield
    finally:
        os.close(handle)


def _locked(path: Path, before_waiting: Callable[[], None]) -> int:
    """Open and lock, again if the last holder deleted the file meanwhile: the locked file must be the one at `path`."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            before_waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        if _same_file(handle, path):
            return handle
        os.close(handle)


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
