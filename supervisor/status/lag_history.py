"""Whether a partition falls behind or catches up: its lag in the last half minute; pure."""

from __future__ import annotations

from collections import deque

#: Seconds of which the trend is, and those that it takes at least.
_WINDOW, _LEAST = 30.0, 5.0


class LagHistory:
    """The lag, looked at again and again."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def add(self, now: float, lag: int | None) -> None:
        """`now`: monotonic seconds. While the lag is not known there is no trend."""
        if lag is None:
            self._points.clear()
            return
        self._points.append((now, lag))
        while now - self._points[0][0] > _WINDOW:
            self._points.popleft()

    @property
    def per_second(self) -> float | None:
        """Messages by which the lag grows in a second; below 0 where it shrinks; None while nobody can say."""
        if not self._points:
            return None
        (start, first), (end, last) = self._points[0], self._points[-1]
        return (last - first) / (end - start) if end - start >= _LEAST else None

    @property
    def caught_up_in(self) -> float | None:
        """Seconds until nothing is left, if it goes on like this; None if it does not come to that, or nobody knows."""
        if not self._points:
            return None
        lag, trend = self._points[-1][1], self.per_second
        if lag == 0:
            return 0.0
        return lag / -trend if trend is not None and trend < 0 else None
