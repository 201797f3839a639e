"""Named spots in the path of a row where a process dies or hangs: inert unless a test armed one."""

from __future__ import annotations

import os
import signal

_armed = ""
_hangs = False


def arm(spot: str) -> None:
    """Let this process die by SIGKILL when it next reaches `spot`, or spin there for `spot=hang`; "" disarms."""
    global _armed, _hangs  # noqa: PLW0603 - one switch for one process
    _armed, _, how = spot.partition("=")
    _hangs = how == "hang"


def armed() -> bool:
    """Whether a test wants to stop this process at a spot: between statements, which must not go as one then."""
    return bool(_armed)


def reach(spot: str) -> None:
    """Die or hang here if a test asked for it; otherwise one comparison."""
    if spot == _armed:
        while _hangs:
            pass
        os.kill(os.getpid(), signal.SIGKILL)
