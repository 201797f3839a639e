"""Wakes a loop that waits for files, from a thread or from a handler of a signal."""

from __future__ import annotations

import contextlib
import os


class Bell:
    """A file that is readable from `ring` until `hear`."""

    def __init__(self) -> None:
        self._file = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """What to wait for."""
        return self._file

    def ring(self) -> None:
        """From anywhere."""
        os.eventfd_write(self._file, 1)

    def hear(self) -> None:
        """It rang, or somebody else has heard it."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._file)
