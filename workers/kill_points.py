"""Named crash spots in the path of a row: inert unless a test armed one."""

from __future__ import annotations

import os
import signal

_armed = ""


def arm(spot: str) -> None:
    """Let this process die by SIGKILL when it next reaches `spot`; "" disarms."""
    global _armed  # noqa: PLW0603 - one switch for one process
    _armed = spot


def reach(spot: str) -> None:
    """Die here if a test asked for it; otherwise one comparison."""
    if spot == _armed:
        os.kill(os.getpid(), signal.SIGKILL)
