"""The pace of one producer process: a token bucket on the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST_SECONDS = 0.1  #: of tokens are kept at most: after a stall the rate goes on, it is not caught up
STRIDE_SECONDS = 0.005  #: of tokens are waited for at least, so that a high rate costs few wake-ups


class Pace:
    """How many messages may go now, so that `rate` a second are held smoothly; None for as fast as it goes.

    `first` is the bucket's fill at the start, in messages: processes that share a rate start staggered by it.
    """

    def __init__(self, rate: float | None, *, first: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._tokens = first
        self._filled_at = clock()
        self._depth = max(1.0, (rate or 0.0) * BURST_SECONDS)
        self._stride = min(self._depth, max(1.0, (rate or 0.0) * STRIDE_SECONDS))

    def take(self, most: int) -> int:
        """Up to `most` messages that may be sent now; 0 if it is too early (see `wait`)."""
        if self.rate is None:
            return most
        now = self._clock()
        self._tokens = min(self._depth, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        taken = min(most, int(self._tokens + 1e-9))
        self._tokens -= taken
        return taken

    def wait(self) -> float:
        """Seconds until `take` gives something worth waking up for."""
        if self.rate is None:
            return 0.0
        return max(0.0, (self._stride - self._tokens) / self.rate - (self._clock() - self._filled_at))
