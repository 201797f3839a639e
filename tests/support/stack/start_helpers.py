"""The processes by which a supervisor starts its workers: multiprocessing's own, forkserver and resource tracker."""

from __future__ import annotations

import contextlib

import psutil

from tests.support.pipeline.processes import kill


def helpers(supervisor: int, which: str = "multiprocessing") -> list[psutil.Process]:
    """multiprocessing's own children of the supervisor: forkserver and resource tracker, or the one named."""
    found = []
    for child in psutil.Process(supervisor).children():
        with contextlib.suppress(psutil.Error):  # a zombie has no arguments, nor has one that has just gone
            if any(which in part for part in child.cmdline()):
                found.append(child)
    return found


def kill_helpers(supervisor: int) -> None:
    """kill -9; an orphaned worker among them may end by itself in the meantime."""
    for helper in helpers(supervisor):
        kill(helper.pid)
