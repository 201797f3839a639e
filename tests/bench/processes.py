"""What processes use: CPU seconds by kind of process, and memory that is counted once however many share it."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The kind of a process of rtpipe is its distance from the supervisor.
KINDS = ("supervisor", "forkserver", "consumer", "writer")
#: Kinds that work for the rows: what "client" means in figures.
CLIENT = ("consumer", "writer")

Kinds = dict[str, list[psutil.Process]]


def kinds(pid: int) -> Kinds:
    """The processes of a run of rtpipe that are there now, by kind."""
    found: Kinds = defaultdict(list)
    level = [psutil.Process(pid)]
    for kind in KINDS:
        found[kind] += level
        level = [child for one in level for child in _children(one)]
    return dict(found)


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(process.children())
    return []


def cpu(processes: Iterable[psutil.Process]) -> float:
    """CPU seconds of them so far; one that has ended counts no more."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def cpu_by_kind(found: Mapping[str, list[psutil.Process]]) -> dict[str, float]:
    """CPU seconds so far of each kind."""
    return {kind: cpu(processes) for kind, processes in found.items()}


def pss(processes: Iterable[psutil.Process]) -> float:
    """Megabytes of memory; a page that several share counts for each its part of it."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 1e6
