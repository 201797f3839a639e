"""Slows all workers down while the database is not well: halved at each look, and raised again slowly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future

from rtpipe.log import get_logger
from supervisor.background_question import BackgroundQuestion
from supervisor.steering.database_health import HealthSeen
from workers.contract.partition_spec import PartitionKey

log = get_logger("supervisor")
#: Seconds between two questions.
_EVERY = 5.0
#: The least share of its rate that a worker keeps; what a share grows by at each look at which all is well.
_LEAST, _GROWTH = 0.05, 1.2


class HealthThrottle:
    """The share of its own rate that each worker may still write."""

    def __init__(self, ask: Callable[[], HealthSeen] | None) -> None:
        """None: there is no limit, and nobody is asked."""
        self._ask = ask
        self._question: BackgroundQuestion[HealthSeen] = BackgroundQuestion("database health", _EVERY)
        self._share = 1.0
        self._why = ""
        self._unknown: tuple[str, ...] = ()
        self._rates: dict[PartitionKey, float] = {}  # rows a second of each worker before it was slowed down

    def look(self, now: float, rates: Callable[[], Mapping[PartitionKey, float]]) -> None:
        """If there is an answer: slower, or less slow. `rates`: rows a second of each worker, as of now."""
        if self._ask is None or (answered := self._question.take(now, self._ask)) is None:
            return
        seen = _answer(answered)
        if seen.unknown and seen.unknown != self._unknown:
            log.warning("%s", "; ".join(seen.unknown), extra={"event": "health_unknown"})
        self._unknown = seen.unknown
        if seen.exceeded:
            self._slow_down("; ".join(seen.exceeded), rates)
        elif self._share < 1:
            self._share = min(1.0, self._share * _GROWTH)
            if self._share == 1:
                log.info("the database is well again: full speed", extra={"event": "throttle_ended"})

    def _slow_down(self, why: str, rates: Callable[[], Mapping[PartitionKey, float]]) -> None:
        if self._share == 1:
            self._rates = dict(rates())
            log.warning("slowed down: %s", why, extra={"event": "throttle_began"})
        self._why, self._share = why, max(_LEAST, self._share / 2)

    def limit_of(self, key: PartitionKey) -> tuple[float, str]:
        """Rows a second of one worker, and why; 0 and "" if it is not slowed down.

        One that wrote nothing before gets what the others wrote on average.
        """
        moving = [rate for rate in self._rates.values() if rate]
        if self._share == 1 or not moving:
            return 0.0, ""
        before = self._rates.get(key) or sum(moving) / len(moving)
        return before * self._share, f"slowed down to {self._share:.0%}: {self._why}"


def _answer(answered: Future[HealthSeen]) -> HealthSeen:
    try:
        return answered.result()
    except Exception as exc:  # whatever it is, rows matter more than the question
        return HealthSeen(unknown=(f"how the database is could not be found out: {type(exc).__name__}",))
