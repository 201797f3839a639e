"""What status tells of one worker: the supervisor's facts, and Kafka's as far as they are known."""

from __future__ import annotations

from supervisor.status.partition_status import PartitionStatus
from supervisor.status.process_stats import ProcessStats
from supervisor.supervised_worker import SupervisedWorker
from supervisor.worker_state import ALIVE, State

#: States in which a worker works, unless it waits for a service.
_WORKS = frozenset({State.STARTING, State.RUNNING})


def status_of(worker: SupervisedWorker, stats: ProcessStats, now: float) -> PartitionStatus:
    """The facts as of `now`, in monotonic seconds."""
    pids = worker.pids()
    alive = worker.state in ALIVE
    memory, cpu = stats.of(pids) if alive else (None, None)
    progress, handle = worker.progress, worker.handle
    state, reason = condition(worker, now)
    end = worker.log.offset(now)
    if end is not None and worker.state is State.RUNNING:
        end = max(end, worker.offset or 0)  # an answer of two seconds ago, beside the commit of a moment ago
    return PartitionStatus(
        topic=worker.spec.key.topic,
        partition=worker.spec.key.partition,
        state=state,
        reason=reason,
        pid=handle.pid if handle else None,
        writer_pid=handle.writer_pid if handle else None,
        epoch=worker.running.epoch if worker.running else None,
        end_offset=end,
        offset=worker.offset,
        rows=worker.rows,
        dead=worker.dead,
        altered=worker.altered,
        warning=worker.warning,
        rows_per_second=round(worker.rate.rate(now), 1) if alive else 0.0,
        queue_depth=progress.queue_depth if progress else 0,
        backpressure=progress.backpressure if progress else False,
        restarts=worker.restarts,
        memory_bytes=memory,
        cpu_percent=None if cpu is None else round(cpu, 1),
    )


def condition(worker: SupervisedWorker, now: float) -> tuple[str, str]:
    """State and reason as they are shown: who works but waits for database, registry or Kafka is `waiting`."""
    if worker.state is State.WAITING:
        return worker.state.value, worker.log.why or worker.reason
    if worker.state not in _WORKS:
        return worker.state.value, worker.reason
    waits = [worker.reason or (worker.progress.waiting_for if worker.progress else ""), worker.log.silence(now)]
    reason = "; ".join(filter(None, waits))
    return (State.WAITING if reason else worker.state).value, reason
