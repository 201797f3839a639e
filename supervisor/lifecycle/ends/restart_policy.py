"""When a dead worker starts again: a pure function of its deaths and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtpipe.pause import PausePolicy

_PAUSES = PausePolicy(first=0.5, longest=30.0, jitter=0.2)


@dataclass(frozen=True, slots=True)
class Restart:
    """When the next start is due, in monotonic seconds; `quarantined`: the budget of deaths is spent."""

    at: float
    quarantined: bool


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """At once after the first death, then after growing pauses; in quarantine once the budget is spent.

    Only deaths without progress are counted, so a worker that commits between crashes always comes back at once.
    """

    budget: int  #: deaths without progress within `window` until quarantine
    probe_every: float  #: seconds between two tries in quarantine
    window: float = 300.0  #: seconds
    pauses: PausePolicy = _PAUSES  #: from the second death on

    def next_start(self, deaths: Sequence[float], now: float, chance: float) -> Restart:
        """`deaths`: when it died without progress since, oldest first; `chance`: 0..1, for the jitter."""
        recent = [death for death in deaths if now - death < self.window]
        if len(recent) >= self.budget:
            return Restart(now + self.probe_every, quarantined=True)
        if len(recent) <= 1:
            return Restart(now, quarantined=False)
        return Restart(now + self.pauses.seconds(len(recent) - 1, chance), quarantined=False)
