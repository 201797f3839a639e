"""Where the processes of one generation write their stacks when they crash, or get SIGABRT.

faulthandler writes in small pieces. In a file of its own they cannot tear lines of the log, which all processes share.
The file has no name and lives in memory: it is gone with the processes that have it open, whatever ends them.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any, Literal

#: Where each process begins in the file: far more than the stacks of one process take, and a hole costs no memory.
_BEGINS = {"consumer": 0, "writer": 1 << 20}
#: Bytes of the stacks of one process that are read at most.
_MOST = 32_768


class StacksFile:
    """Made by the supervisor, which reads it after the death; passed to the consumer, whose writer inherits it."""

    def __init__(self, file: int | None = None) -> None:
        """`file`: a descriptor that was received, which belongs to this object from now on."""
        self._file = os.memfd_create("rtpipe-stacks") if file is None else file

    def enable(self, process: Literal["consumer", "writer"]) -> None:
        """From now on this process writes its stacks here, if it crashes."""
        # Opened anew: each process has a position of its own, so that two that crash at once do not mix.
        file = os.open(f"/proc/self/fd/{self._file}", os.O_WRONLY)
        os.lseek(file, _BEGINS[process], os.SEEK_SET)
        faulthandler.enable(file)

    def read(self) -> dict[str, str]:
        """The stacks of each process that wrote any, by `consumer` or `writer`; a text that was cut says so."""
        found = {process: os.pread(self._file, _MOST + 1, begin) for process, begin in _BEGINS.items()}
        return {process: _text(data) for process, data in found.items() if data.strip(b"\0")}

    def close(self) -> None:
        """Give the memory back."""
        os.close(self._file)

    def __reduce__(self) -> tuple[Callable[..., StacksFile], tuple[Any, ...]]:
        return _received, (reduction.DupFd(self._file),)


def _received(duplicate: Any) -> StacksFile:
    return StacksFile(duplicate.detach())


def _text(data: bytes) -> str:
    cut = len(data) > _MOST and bool(data[_MOST:].strip(b"\0"))
    text = data[:_MOST].strip(b"\0").decode(errors="replace").strip()
    return text + ("\n(cut here: there is more)" if cut else "")
