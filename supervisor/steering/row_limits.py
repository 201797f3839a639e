"""How many rows a second the workers of each topic may write, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from supervisor.control.control_socket import Reply, Request
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import TERMINAL, WorkerState
from supervisor.steering.act import Act
from supervisor.steering.health_throttle import HealthThrottle

#: Seconds between two looks at who shares a limit.
_EVERY = 0.5
_WITHOUT_SHARE = TERMINAL | {WorkerState.PAUSED}


@dataclass(frozen=True, slots=True)
class RowLimit:
    """Of one topic, or of one worker."""

    rows_per_second: float = 0.0  #: 0: no limit
    why: str = ""


NO_LIMIT = RowLimit()


class RowLimits:
    """Of each topic: that of its settings, or what a person has said since. `workers` is the supervisor's own list."""

    def __init__(
        self, workers: Sequence[SupervisedWorker], of_settings: Callable[[str], float], throttle: HealthThrottle
    ) -> None:
        self._workers = workers
        self._of_settings = of_settings
        self._throttle = throttle
        self._by_hand: dict[str, RowLimit] = {}
        self._next = 0.0

    def apply(self, now: float) -> None:
        """If it is time: tell each worker its share, which changes as others pause, end, or come back."""
        if now < self._next:
            return
        self._next = now + _EVERY
        self._throttle.look(now, lambda: {worker.spec.key: worker.history.rate.rate(now) for worker in self._workers})
        sharing = [worker for worker in self._workers if worker.standing.state not in _WITHOUT_SHARE]
        counts = Counter(worker.spec.key.topic for worker in sharing)
        for worker in sharing:
            topic = worker.spec.key.topic
            limit, (slowed, why) = self.of(topic), self._throttle.limit_of(worker.spec.key)
            share = limit.rows_per_second / counts[topic]
            if slowed and not 0 < share < slowed:
                worker.keep_pace(slowed, why)
            else:
                worker.keep_pace(share, limit.why)

    def look_again(self) -> None:
        """Somebody else shares a limit from now on: `apply` has something to do."""
        self._next = 0.0

    def forget(self, topic: str) -> None:
        """It is served no more, and what a person said of it is over."""
        self._by_hand.pop(topic, None)

    def of(self, topic: str) -> RowLimit:
        """That of all partitions of a topic together."""
        if topic in self._by_hand:
            return self._by_hand[topic]
        rows = self._of_settings(topic)
        return RowLimit(rows, f"limited to {rows:g} rows/s by max_rows_per_second") if rows else NO_LIMIT

    def in_words(self, topic: str) -> tuple[float, str]:
        """The same for the status: rows a second, 0 without a limit, and why."""
        limit = self.of(topic)
        return limit.rows_per_second, limit.why

    def answer(self, request: Request, *, draining: bool) -> Reply:
        """`where`: topics; `rows_per_second`: of each, 0 for none. The reply is that of PartitionActs.answer."""
        where, rows = request.body.get("where"), request.body.get("rows_per_second")
        if not isinstance(where, list) or isinstance(rows, bool) or not isinstance(rows, int | float) or rows < 0:
            return {"error": "a limit is of topics, and of 0 rows a second or more"}
        wanted, ours = [str(topic) for topic in where], {worker.spec.key.topic for worker in self._workers}
        known = [topic for topic in dict.fromkeys(wanted) if topic in ours]
        refused = dict.fromkeys(known, "the supervisor ends") if draining else {}
        done = [topic for topic in known if topic not in refused]
        if not request.body.get("dry_run"):
            self._set(done, float(rows), Act.of(request))
        unknown = [topic for topic in wanted if topic not in ours]
        return {"done": done, "refused": refused, "unknown": unknown, "warning": ""}

    def _set(self, topics: Sequence[str], rows: float, act: Act) -> None:
        for topic in topics:
            self._by_hand[topic] = RowLimit(rows, f"limited to {rows:g} rows/s {act.by}") if rows else NO_LIMIT
            act.tell_limit(topic, rows)
        self.look_again()
