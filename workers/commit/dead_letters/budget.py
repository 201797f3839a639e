"""How many dead letters a partition may have within a minute; pure.

The limit itself is a setting of the topic: supervisor/settings/fields/topic_settings.py.
"""

from __future__ import annotations

from collections import deque

_MINUTE = 60.0
_NO_LIMIT = 1 << 62


class DeadLetterBudget:
    """Counts dead letters of the last minute. `now` is seconds of a clock that never goes back."""

    def __init__(self, per_minute: int) -> None:
        """`per_minute`: 0: no limit."""
        self._per_minute = per_minute
        self._written: deque[tuple[float, int]] = deque()  # when, how many

    def add(self, count: int, now: float) -> None:
        """So many were written."""
        if count:
            self._written.append((now, count))

    def left(self, now: float) -> int:
        """How many more there may be."""
        while self._written and self._written[0][0] < now - _MINUTE:
            self._written.popleft()
        return max(0, (self._per_minute or _NO_LIMIT) - sum(count for _, count in self._written))
