"""A companion that needs to be told something first: at each of its starts, anew."""

from __future__ import annotations

from supervisor.companions.companion import Companion


class ToldCompanion:
    """The line goes to its standard input, since it may hold what must not be seen among arguments."""

    def __init__(self, companion: Companion, line: bytes) -> None:
        self._companion = companion
        self._line = line
        self._starts = 0

    def look(self, now: float) -> None:
        """Watch it, start it, start it again. `now`: monotonic seconds."""
        self._companion.look(now)
        if self._companion.starts != self._starts:
            self._starts = self._companion.starts
            self._companion.tell(self._line)

    def stop(self) -> None:
        """Let it end."""
        self._companion.stop()
