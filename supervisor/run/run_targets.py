"""The offsets at which a run ends by itself (`--until-caught-up`), and which workers have reached theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtpipe.errors import ExitCode, UnreachableError
from supervisor.lifecycle import orders
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import QUARANTINED, Ended

#: Seconds that a run which is to end waits for a partition that has no leader, or that a person has paused.
_PATIENCE = 30.0
#: The name of what such a run says of a paused partition.
_PAUSED = "E_PAUSED"


class RunTargets:
    """The end of each partition's log when the run began; a partition without a leader gets its own when it has one."""

    def __init__(self, offsets: Mapping[PartitionKey, int] | None) -> None:
        """None: the run has no end of its own."""
        self._offsets = None if offsets is None else dict(offsets)

    def add(self, key: PartitionKey, offset: int) -> None:
        """The log of a partition ends at `offset`; its first known end counts."""
        if self._offsets is not None:
            self._offsets.setdefault(key, offset)

    def forget(self, gone: Sequence[SupervisedWorker]) -> None:
        """These are served no more."""
        for worker in gone:
            (self._offsets or {}).pop(worker.spec.key, None)

    def stop_workers(self, workers: Sequence[SupervisedWorker], now: float, drain_seconds: float) -> None:
        """Drain those that have reached their target, and halt those for which a run that is to end does not wait."""
        if self._offsets is None:
            return
        for worker in workers:
            standing = worker.standing
            if standing.state is WorkerState.QUARANTINED:
                orders.halt(worker, Ended(ExitCode.TEMPORARY, QUARANTINED, f"{worker}: {standing.reason}"))
            elif standing.asks_for_begin and now - standing.since > _PATIENCE:
                why = worker.log.why or standing.reason
                orders.halt(worker, Ended(ExitCode.UNREACHABLE, UnreachableError.name, f"{worker}: {why}"))
            elif standing.state is WorkerState.PAUSED and now - standing.since > _PATIENCE:
                why = f"{worker}: {standing.reason}; a run that is to end does not wait for it"
                orders.halt(worker, Ended(ExitCode.TEMPORARY, _PAUSED, why))
            elif standing.state is WorkerState.RUNNING and self._reached(worker):
                orders.drain(worker, drain_seconds, arrived=True)

    def _reached(self, worker: SupervisedWorker) -> bool:
        """Only once it has seen the log's end: a stored offset beyond that is no arrival, but E_OFFSET_GONE."""
        target, offset = (self._offsets or {}).get(worker.spec.key), worker.history.offset
        saw_end = worker.generation is not None and worker.generation.said.end_offset is not None
        return target is not None and offset is not None and offset >= target and saw_end
