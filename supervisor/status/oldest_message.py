"""How old the oldest message is that is not committed; pure."""

from __future__ import annotations


class OldestMessage:
    """Known from the worker that has read it, or, where nothing was read yet, from when the log began to grow."""

    def __init__(self) -> None:
        self._offset: int | None = None  #: next to consume, of which the rest speaks
        self._produced: float | None = None  #: seconds since 1970
        self._caught_up: float | None = None  #: monotonic seconds: when nothing was left, the last time

    def read(self, offset: int, produced_ms: int | None) -> None:
        """A worker that stands at `offset` has read a message that was produced then; None: it has read none yet."""
        self._move(offset)
        if produced_ms is not None:
            self._produced = produced_ms / 1000

    def look(self, now: float, offset: int, lag: int) -> None:
        """It is so many messages behind; `now`: monotonic seconds."""
        self._move(offset)
        if not lag:
            self._caught_up = now

    def _move(self, offset: int) -> None:
        if offset != self._offset:
            self._offset, self._produced, self._caught_up = offset, None, None

    def age(self, wall: float, now: float, lag: int | None) -> float | None:
        """Seconds; 0 if nothing is left; None if nobody knows. `wall`: seconds since 1970."""
        if lag is None:
            return None
        if not lag:
            return 0.0
        if self._produced is not None:
            return max(0.0, wall - self._produced)
        return None if self._caught_up is None else max(0.0, now - self._caught_up)
