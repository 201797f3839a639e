"""Processes of a pipeline: all that there are, and the end of one by kill -9."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

from tests.support.faults.tally import TALLY


def family() -> list[psutil.Process]:
    """All processes of this user that run Python."""
    return [process for process in psutil.process_iter(["name"]) if "python" in (process.info["name"] or "")]


def directory_of(process: psutil.Process) -> str:
    """Where it runs; empty once it has ended."""
    try:
        return process.cwd() if process.status() != psutil.STATUS_ZOMBIE else ""
    except psutil.Error:
        return ""


def kill(pid: int) -> None:
    """kill -9; nothing if it has ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        TALLY.hit()
