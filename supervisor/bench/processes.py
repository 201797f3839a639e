"""What processes use: CPU seconds by kind of process, and memory that is counted once however many share it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import subprocess

#: The kind of a process of rtpipe is its distance from the supervisor.
KINDS = ("supervisor", "forkserver", "consumer", "writer")
#: Seconds for which the list of processes counts as true: to make it takes longer than to read their CPU times.
_LIST_AGE = 1.0

Kinds = Mapping[str, list[psutil.Process]]


class Watched:
    """The processes of one run, and those of the services that are on this machine.

    `kinds`: the kinds of its levels, from the first process down; the last one holds all that are below it.
    """

    def __init__(self, process: subprocess.Popen[bytes], services: Kinds, kinds: tuple[str, ...] = KINDS) -> None:
        self.process = process
        self._services = services
        self._kinds = kinds
        self._found: Kinds = {}
        self._listed = 0.0

    def own(self) -> Kinds:
        """The processes of the run by kind."""
        if time.monotonic() - self._listed > _LIST_AGE:
            self._found, self._listed = _levels(self.process.pid, self._kinds), time.monotonic()
        return self._found

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by kind; one that has ended counts no more."""
        return {kind: cpu(processes) for kind, processes in {**self.own(), **self._services}.items()}

    def pss(self) -> float:
        """Megabytes of all processes of the run; a page that several share counts for each its part of it."""
        self._listed = 0.0
        return sum(_pss(process) for processes in self.own().values() for process in processes) / 1e6


def listeners(port: int) -> list[psutil.Process]:
    """The process of this user that listens on this port of this machine; none if it is another user's."""
    with contextlib.suppress(psutil.Error):
        found = [one for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr[1:] == (port,)]
        return [psutil.Process(one.pid) for one in found if one.pid][:1]
    return []


def cpu(processes: Iterable[psutil.Process]) -> float:
    """CPU seconds of them so far; one that has ended counts no more."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:2])
    return total


def _levels(pid: int, kinds: tuple[str, ...]) -> Kinds:
    found: dict[str, list[psutil.Process]] = {kind: [] for kind in kinds}
    level = [psutil.Process(pid)] if psutil.pid_exists(pid) else []
    for kind in kinds:
        found[kind] += level
        level = list(_children(level))
    while level:
        found[kinds[-1]] += level
        level = list(_children(level))
    return found


def _children(level: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    for process in level:
        with contextlib.suppress(psutil.Error):
            yield from process.children()


def _pss(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0
