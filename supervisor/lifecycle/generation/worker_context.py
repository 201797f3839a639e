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

    Returns at once; the modules load while the caller goes on. Workers get the standard error that this process has
    now. They get none of rtpipe's settings in their environment: what they need is in their PartitionSpec.
    """
    for name in [name for name in os.environ if name.startswith("RTPIPE_") and name != "RTPIPE_DEBUG"]:
        del os.environ[name]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["workers.preload"])
    # Without this each worker would import the command's own script again.
    vars(sys.modules["__main__"]).pop("__file__", None)
    forkserver.ensure_running()
    return context


@contextlib.contextmanager
def bounded_start(seconds: float) -> Iterator[None]:
    """Around the start of a process: if it takes too long, the forkserver is killed and the start raises EOFError."""
    timer = threading.Timer(seconds, _kill_forkserver)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill_forkserver() -> None:
    pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public name
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
