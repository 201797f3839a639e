"""Looks at a run until its rows are in: how many there are, when, and what that took."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from rtpipe.errors import ExitCode, RtpipeError
from rtpipe.pause import PausePolicy
from supervisor.bench.figures import Point
from supervisor.bench.processes import Watched

_LOOKS = PausePolicy.steady(0.02)
#: Seconds in which the first row must come.
_PATIENCE = 120.0


class BenchError(RtpipeError):
    """A measurement did not come out: what exactly, is the finding."""

    name = "E_BENCH"
    exit_code = ExitCode.FAILED


def watch(watched: Watched, done: Callable[[], int], *, rows: int, began: float, seconds: float) -> list[Point]:
    """Points until `rows` are in, or `seconds` after the first one; `done`: how many are, `began`: by the clock
    `time.monotonic`. BenchError if the process ends before, or no row comes.
    """
    points: list[Point] = []
    first = 0.0
    while not points or points[-1].rows < rows:
        if (code := watched.process.poll()) is not None:
            raise BenchError(f"the measured process ended by itself with exit code {code}")
        now, found = time.monotonic(), done()
        if found:
            first = first or now
            points.append(Point(now - began, found, watched.cpu(), _busy()))
        elif now - began > _PATIENCE:
            raise BenchError(f"after {_PATIENCE:.0f} s there is still no row")
        if first and now - first > seconds:
            break
        time.sleep(_LOOKS.seconds())
    return points


def _busy() -> float:
    """CPU seconds of the machine that were not idle."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq
