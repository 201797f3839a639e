"""Nobody outlives the parent: a thread that waits for its death and then ends this process."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing import connection

from rtpipe.errors import ExitCode


def leave_with_parent(grace: float) -> None:
    """End this process at most `grace` seconds after its parent is gone, whatever it is busy with.

    The parent's sentinel is a pipe that only the parent holds open, so SIGKILL closes it too. A process that hears
    of the death by itself leaves earlier and cleaner; this thread is for one that is stuck in a driver's call.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("only a multiprocessing child has a parent to watch")

    def watch() -> None:
        connection.wait([parent.sentinel])
        gone = threading.Event()
        gone.wait(grace)
        os._exit(ExitCode.TEMPORARY)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
