"""How many rows a second the workers of each topic may write, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from rtpipe.log import get_logger
from supervisor.control.control_socket import Reply, Request
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import TERMINAL, WorkerState
from supervisor.steering.act import Act
from supervisor.steering.act_file import ActFile, Kind
from supervisor.steering.health_throttle import HealthThrottle

log = get_logger("supervisor")
#: Seconds between two looks at who shares a limit.
_EVERY = 0.5
_WITHOUT_SHARE = TERMINAL | {WorkerState.PAUSED}


@dataclass(frozen=True, slots=True)
class RowLimit:
    """Of one topic, or of one worker."""

    rows_per_second: float = 0.0  #: 0: no limit
    why: str = ""

    @classmethod
    def of_json(cls, said: Any) -> Self:
        """The inverse of `asdict`. Raises ValueError, TypeError or KeyError."""
        return cls(float(said["rows_per_second"]), str(said["why"]))


NO_LIMIT = RowLimit()
#: What a person has said of a topic.
LIMITS = Kind("limited", "limits", RowLimit.of_json, "no limit that was set by hand holds for %s")


class RowLimits:
    """Of each topic: that of its settings, or what a person has said since. `workers` is the supervisor's own list."""

    def __init__(
        self,
        workers: Sequence[SupervisedWorker],
        of_settings: Callable[[str], float],
        throttle: HealthThrottle,
        kept: ActFile,
    ) -> None:
        self._workers = workers
        self._of_settings = of_settings
        self._throttle = throttle
        self._kept = kept
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

    def limit_again(self, taken: Sequence[SupervisedWorker]) -> None:
        """These are served from now on: what a person said of their topics before holds, and others share it."""
        groups = {worker.spec.key.topic: worker.spec.group for worker in taken}
        for topic, group in groups.items():
            if topic not in self._by_hand and (limit := self._kept.read(group).get(topic)):
                self._by_hand[topic] = limit
                text = "%s is %s; rtpipe limit %s off ends that"
                extra = {"event": "limit_kept", "topic": topic, "rows_per_second": limit.rows_per_second}
                log.info(text, topic, limit.why, topic, extra=extra)
        self._next = 0.0

    def forget(self, topic: str) -> None:
        """It is served no more; if it comes back, what a person said of it holds again."""
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
        warning = "" if request.body.get("dry_run") else self._set(done, float(rows), Act.of(request))
        unknown = [topic for topic in wanted if topic not in ours]
        return {"done": done, "refused": refused, "unknown": unknown, "warning": warning}

    def _set(self, topics: Sequence[str], rows: float, act: Act) -> str:
        """Why it is forgotten when the supervisor ends; "" if it is not."""
        for topic in topics:
            self._by_hand[topic] = RowLimit(rows, f"limited to {rows:g} rows/s {act.by}") if rows else NO_LIMIT
            act.tell_limit(topic, rows)
        self._next = 0.0
        return self._keep({worker.spec.group for worker in self._workers if worker.spec.key.topic in topics})

    def _keep(self, groups: Iterable[str]) -> str:
        troubles = []
        for group in sorted(groups):
            topics = {worker.spec.key.topic for worker in self._workers if worker.spec.group == group}
            limits = {topic: limit for topic in topics if (limit := self._by_hand.get(topic, NO_LIMIT)) != NO_LIMIT}
            troubles.append(self._kept.write(group, {topic: asdict(limit) for topic, limit in limits.items()}))
        return "; ".join(filter(None, troubles))
