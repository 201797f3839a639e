"""Which workers may start now: a few at once, so that hundreds of them do not keep each other from starting. Pure.

Fewer of those that join a run, so that the partitions which run already do not pause.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import itemgetter

from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState

#: Workers that start at the same time, for each core: one computes while another one waits for the database.
_A_CORE = 4
#: Seconds after which a start makes room for another one, though it is not at its end: it waits for something.
_LONGEST = 2.0


class StartPace:
    """The room for starts; a start takes some until the worker runs, waits for a service, or is dead."""

    def __init__(self, most: int | None = None) -> None:
        """`most` starts at the same time; None: as many as this machine is good for. Of those that join one a core."""
        self._most = most or _A_CORE * len(os.sched_getaffinity(0))
        self._most_joining = max(1, self._most // _A_CORE)

    def due(self, workers: Sequence[SupervisedWorker], now: float) -> list[SupervisedWorker]:
        """Those to start now, who have waited longest first."""
        due = [worker for at, worker in _waiting(workers) if at <= now]
        return self._admitted(due, workers, now) if due else []

    def _admitted(
        self, due: Sequence[SupervisedWorker], workers: Sequence[SupervisedWorker], now: float
    ) -> list[SupervisedWorker]:
        starting = _taking_room(workers, now)
        joining = max(0, self._most_joining - sum(worker.joins for worker in starting))
        joins = [worker for worker in due if worker.joins][:joining]
        room = max(0, self._most - len(starting))
        return [worker for worker in due if not worker.joins or worker in joins][:room]

    def next_due(self, workers: Sequence[SupervisedWorker], now: float) -> float | None:
        """When the next start is due; None if there is none, or no room: what makes room wakes the loop."""
        if self.due(workers, now):
            return now
        return next((at for at, _ in _waiting(workers) if at > now), None)

    def is_over(self, workers: Sequence[SupervisedWorker], now: float) -> bool:
        """No worker is on its way to its first batch."""
        return not _taking_room(workers, now)


# Both are asked at each turn of the loop, of hundreds of workers that run: so what most of them are comes first.


def _taking_room(workers: Sequence[SupervisedWorker], now: float) -> list[SupervisedWorker]:
    """Those that were started a moment ago, and are neither ready nor waiting for a service."""
    starting = [worker for worker in workers if worker.standing.state is WorkerState.STARTING]
    fresh = [worker for worker in starting if now - worker.standing.since < _LONGEST]
    return [worker for worker in fresh if worker.generation is not None and not worker.generation.said.waiting_for]


def _waiting(workers: Sequence[SupervisedWorker]) -> list[tuple[float, SupervisedWorker]]:
    """Those that somebody starts, and when, in monotonic seconds: the first one comes first."""
    waiting = [(at, worker) for worker in workers if (at := worker.standing.next_start) is not None]
    return sorted(waiting, key=itemgetter(0))
