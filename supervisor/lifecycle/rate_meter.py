"""Rows a second over the last seconds; pure."""

from __future__ import annotations

from collections import deque


class RateMeter:
    """The growth of a counter over a sliding window."""

    def __init__(self, window: float = 5.0) -> None:
        self._window = window
        self._points: deque[tuple[float, int]] = deque()

    def add(self, now: float, total: int) -> None:
        """The counter stands at `total`; a counter that went back starts anew."""
        if self._points and total < self._points[-1][1]:
            self._points.clear()
        self._points.append((now, total))
        while len(self._points) > 2 and now - self._points[1][0] >= self._window:  # noqa: PLR2004 - two make a slope
            self._points.popleft()

    def rate(self, now: float) -> float:
        """Per second; 0 once the window holds no growth."""
        if not self._points or now - self._points[-1][0] > self._window:
            return 0.0
        (start, first), (_, last) = self._points[0], self._points[-1]
        return (last - first) / (now - start) if now > start else 0.0
