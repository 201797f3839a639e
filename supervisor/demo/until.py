"""How demo and chaos wait, and the error for what did not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from rtpipe.errors import ExitCode, RtpipeError
from rtpipe.pause import PausePolicy

_T = TypeVar("_T")
_LOOKS = PausePolicy.steady(0.1)


class DriverError(RtpipeError):
    """A step of demo or chaos did not come out as it should: what exactly, is the finding."""

    name = "E_DEMO"
    exit_code = ExitCode.FAILED


def until(check: Callable[[], _T | None], what: str, seconds: float = 180) -> _T:
    """Ask until the answer is true. DriverError says what did not happen."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise DriverError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(_LOOKS.seconds())
    return answer
