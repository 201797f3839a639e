"""How workers are started: by a forkserver that has loaded their modules before."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def start_forkserver() -> ForkServerContext:
    """A worker then starts in 20 ms and shares the modules' memory with the others.

    Returns at once; the loading goes on beside whatever the caller does next. Workers get the standard error that
    this process has now, and nothing of rtpipe's settings in their environment: those that they need, they are told.
    """
    for name in [name for name in os.environ if name.startswith("RTPIPE_") and name != "RTPIPE_DEBUG"]:
        del os.environ[name]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["workers.preload"])
    # A worker must not run the command's own script again under another name, only to find its main guarded.
    vars(sys.modules["__main__"]).pop("__file__", None)
    forkserver.ensure_running()
    return context


@contextlib.contextmanager
def bounded_start(seconds: float) -> Iterator[None]:
    """Around the start of a process: a forkserver that is frozen over it is killed, and the start fails (EOFError)."""
    timer = threading.Timer(seconds, _kill_forkserver)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill_forkserver() -> None:
    pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # noqa: SLF001 - nobody else knows it
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
