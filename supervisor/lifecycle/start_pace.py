"""Which workers may start now: a few at once, so that hundreds of them do not keep each other from starting. Pure."""

from __future__ import annotations

import os
from collections.abc import Sequence

from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState

#: Workers that start at the same time, for each core: one computes while another one waits for the database.
_A_CORE = 4
#: Seconds after which a start makes room for another one, though it is not at its end: it waits for something.
_LONGEST = 2.0


class StartPace:
    """The room for starts; a start takes some until the worker runs, waits for a service, or is dead."""

    def __init__(self, most: int | None = None) -> None:
        """`most` starts at the same time; None: as many as this machine is good for."""
        self._most = most or _A_CORE * len(os.sched_getaffinity(0))

    def due(self, workers: Sequence[SupervisedWorker], now: float) -> list[SupervisedWorker]:
        """Those to start now, who have waited longest first."""
        due = [
            worker for worker in workers if worker.standing.next_start is not None and worker.standing.next_start <= now
        ]
        return sorted(due, key=_due_at)[: self._room(workers, now)] if due else []

    def next_due(self, workers: Sequence[SupervisedWorker], now: float) -> float | None:
        """When the next start is due; None if there is none, or no room: what makes room wakes the loop."""
        moments = [worker.standing.next_start for worker in workers if worker.standing.next_start is not None]
        if not moments or (min(moments) <= now and not self._room(workers, now)):
            return None
        return min(moments)

    def is_over(self, workers: Sequence[SupervisedWorker], now: float) -> bool:
        """No worker is on its way to its first batch."""
        return self._room(workers, now) == self._most

    def _room(self, workers: Sequence[SupervisedWorker], now: float) -> int:
        starting = sum(_is_starting(worker) and now - worker.standing.since < _LONGEST for worker in workers)
        return max(0, self._most - starting)


def _is_starting(worker: SupervisedWorker) -> bool:
    """It was started, and is neither ready nor waiting for a service."""
    generation = worker.generation
    return worker.standing.state is WorkerState.STARTING and generation is not None and not generation.said.waiting_for


def _due_at(worker: SupervisedWorker) -> float:
    return worker.standing.next_start or 0.0
