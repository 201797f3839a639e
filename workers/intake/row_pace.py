"""How many messages may be read now, where rows a second are limited: a bucket that fills by itself; pure."""

from __future__ import annotations

#: Seconds for which unused room is kept, and what a poll waits for: a poll for each message would cost more than it.
_KEPT, _WORTH_A_POLL = 1.0, 0.1


class RowPace:
    """The bucket of one partition. Times are in monotonic seconds."""

    def __init__(self, rows_per_second: float, now: float) -> None:
        """0: as fast as it can."""
        self._rate = rows_per_second
        self._filled_at = now
        self._room = 0.0

    def change(self, rows_per_second: float, now: float) -> None:
        """Another limit from now on; nothing that was saved under the old one is spent under it."""
        self._rate, self._filled_at, self._room = rows_per_second, now, 0.0

    def allowed(self, most: int, now: float) -> int:
        """Of `most` messages those that may be read now; 0 until it is worth a poll."""
        if not self._rate:
            return most
        self._room = min(max(1.0, self._rate * _KEPT), self._room + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return min(most, int(self._room)) if self._room >= self._worth else 0

    def spend(self, messages: int) -> None:
        """So many were read."""
        self._room -= messages

    def wait(self, now: float) -> float:
        """Seconds until some may be read."""
        if not self._rate:
            return 0.0
        return max(0.0, (self._worth - self._room) / self._rate - (now - self._filled_at))

    @property
    def _worth(self) -> float:
        return max(1.0, self._rate * _WORTH_A_POLL)
