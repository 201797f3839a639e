"""Looks at one partition again and again: what follows from several looks, and not from one."""

from __future__ import annotations

from collections import deque

from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.status.facts.condition import Condition, Grounds, Promise, condition_of
from supervisor.status.lag_history import LagHistory
from supervisor.status.oldest_message import OldestMessage
from workers.contract.batch_figures import PhaseSeconds

#: Seconds of which the shares of the phases are.
_WINDOW = 10.0


class PartitionWatch:
    """As of the last `look`. Times are in monotonic seconds."""

    def __init__(self, now: float) -> None:
        self.lag: int | None = None
        self.lag_seconds: float | None = None
        self.trend = LagHistory()
        self.condition, self.reason = Condition.UNKNOWN, ""
        self.condition_since = now
        self.committed_at: float | None = None  #: when the offset moved last
        self._oldest = OldestMessage()
        self._offset: int | None = None
        self._quiet_since = now  # the last commit, or the last time that there was nothing to commit
        self._spent: deque[tuple[float, PhaseSeconds]] = deque()

    def look(self, worker: SupervisedWorker, promise: Promise, now: float, wall: float) -> None:
        """`wall`: seconds since 1970."""
        offset, progress = worker.history.offset, worker.generation.said.progress if worker.generation else None
        self.lag = lag_of(worker, now)
        self._follow(offset, now)
        if progress is not None:
            self._oldest.read(progress.offset, progress.oldest)
        if offset is not None and self.lag is not None:
            self._oldest.look(now, offset, self.lag)
        self.lag_seconds = self._oldest.age(wall, now, self.lag)
        self.trend.add(now, self.lag)
        self._spend(worker, now)
        self._judge(worker, promise, now)

    def _follow(self, offset: int | None, now: float) -> None:
        if offset != self._offset:
            if self._offset is not None:
                self.committed_at = now
            self._offset, self._quiet_since = offset, now
        if not self.lag:
            self._quiet_since = now

    def _spend(self, worker: SupervisedWorker, now: float) -> None:
        if worker.generation is None:
            self._spent.clear()
            return
        self._spent.append((now, worker.history.figures.phases))
        while len(self._spent) > 2 and now - self._spent[1][0] >= _WINDOW:  # noqa: PLR2004 - two make a difference
            self._spent.popleft()

    def _judge(self, worker: SupervisedWorker, promise: Promise, now: float) -> None:
        state = worker.standing.state.value
        progress = worker.generation.said.progress if worker.generation else None
        slowed = worker.why_slow if progress and progress.slowed else ""
        grounds = Grounds(state, self.lag, self.lag_seconds, now - self._quiet_since, slowed)
        condition, self.reason = condition_of(grounds, promise)
        if condition is not self.condition:
            self.condition, self.condition_since = condition, now

    @property
    def phases(self) -> PhaseSeconds | None:
        """Where the writer's time went lately, as shares of 1; None if it committed nothing meanwhile."""
        if not self._spent:
            return None
        (start, first), (end, last) = self._spent[0], self._spent[-1]
        spent, seconds = last - first, end - start
        busy = spent.encoding + spent.writing + spent.commit
        if not busy or seconds <= 0:
            return None
        whole = max(busy, seconds)
        return PhaseSeconds(1 - busy / whole, spent.encoding / whole, spent.writing / whole, spent.commit / whole)


def end_of_log(worker: SupervisedWorker, now: float) -> int | None:
    """Where its log ends, while that is known. The answer may be older than the last commit of a worker that runs."""
    end = worker.log.offset(now)
    if end is not None and worker.standing.state is WorkerState.RUNNING:
        end = max(end, worker.history.offset or 0)
    return end


def lag_of(worker: SupervisedWorker, now: float) -> int | None:
    """Messages in Kafka that are not in the table, while that is known."""
    end, offset = end_of_log(worker, now), worker.history.offset
    return None if end is None or offset is None else max(0, end - offset)
