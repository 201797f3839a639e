"""How long a loop waits before its next try: the one policy of all loops that wait and try again; pure.

Each loop names its own limits. The doubling, the cap and the jitter are here.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Where growth stops counting: a power beyond it would be too large for a float, and every cap is reached long before.
_MOST_GROWTH = 64


@dataclass(frozen=True, slots=True)
class PausePolicy:
    """Pauses of `first` seconds, then `factor` times the one before, never more than `longest` but for the jitter."""

    first: float  #: seconds after the first try
    longest: float  #: seconds at most, before the jitter
    factor: float = 2.0
    jitter: float = 0.0  #: share by which a pause may be longer or shorter, so that many loops do not try at once

    @classmethod
    def steady(cls, seconds: float) -> PausePolicy:
        """The same pause after every try: for a question that costs nobody anything."""
        return cls(seconds, seconds)

    def seconds(self, attempt: int = 1, chance: float = 0.5) -> float:
        """Seconds to wait after try number `attempt`, counted from 1.

        `chance`: 0..1, what the jitter is made of (`random.random()`); in the middle there is none.
        """
        growth = self.factor ** min(max(attempt, 1) - 1, _MOST_GROWTH)
        return min(self.longest, self.first * growth) * (1 + self.jitter * (2 * chance - 1))
