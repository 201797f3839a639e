"""A partition that the group gave to us, and that somebody who is late claimed: when it is claimed back."""

from __future__ import annotations

from collections.abc import Sequence

from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.membership import membership_log
from supervisor.membership.session_clock import SessionClock
from workers.contract.errors import Fenced
from workers.contract.partition_spec import PartitionKey

#: Sessions until a partition is claimed back once more: who claims it again is not late, but fights for it, and only a
#: person can judge that.
_AGAIN_AFTER = 10


class ClaimBacks:
    """A worker that is fenced may be the late one itself. So it waits for a whole session in which the group says that
    the partition is ours; a late host has lost it by then, and knows it.
    """

    def __init__(self) -> None:
        self._last: dict[PartitionKey, float] = {}

    def due(self, workers: Sequence[SupervisedWorker], clock: SessionClock, now: float) -> list[PartitionKey]:
        """Those to be claimed back now, each told in the log. `now`: monotonic seconds."""
        fenced = [worker for worker in workers if _is_fenced(worker) and worker.spec.key in clock.assigned]
        due = [worker.spec.key for worker in fenced if self._is_due(worker, clock, now)]
        for key in due:
            self._last[key] = now
            membership_log.claimed_back(key)
        return due

    def _is_due(self, worker: SupervisedWorker, clock: SessionClock, now: float) -> bool:
        last = self._last.get(worker.spec.key)
        rested = last is None or now - last > _AGAIN_AFTER * clock.seconds
        return rested and clock.contact - worker.standing.since > clock.seconds


def _is_fenced(worker: SupervisedWorker) -> bool:
    trouble = worker.standing.trouble
    return worker.standing.state is WorkerState.HALTED and trouble is not None and trouble.name == Fenced.name
