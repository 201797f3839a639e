"""The supervisor's side of the history: a companion that is told of each event."""

from __future__ import annotations

import dataclasses
import json

from supervisor.companions.companion import Companion
from supervisor.control.event_ring import EventRing


class HistoryLink:
    """Tells what the process does not know yet; all there is, when it was started anew."""

    def __init__(self, companion: Companion, ring: EventRing) -> None:
        self._companion = companion
        self._ring = ring
        self._told = 0  #: the newest event that it knows
        self._starts = 0

    def look(self, now: float) -> None:
        """Watch the process, and tell it what is new. `now`: monotonic seconds."""
        self._companion.look(now)
        if self._companion.starts != self._starts:
            self._starts, self._told = self._companion.starts, 0
        for event in self._ring.after(self._told):
            line = json.dumps({"run": self._ring.run} | dataclasses.asdict(event)).encode() + b"\n"
            if not self._companion.tell(line):
                return
            self._told = event.number

    def stop(self) -> None:
        """Tell what is left, and let it end."""
        self.look(0.0)
        self._companion.stop()
