"""The status of one worker: what the supervisor knows, and what Kafka answered, if it did."""

from __future__ import annotations

from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import ALIVE, WorkerState
from supervisor.status.process_stats import ProcessStats
from supervisor.status.status_facts import PartitionStatus

#: States in which a worker works, unless it waits for a service.
_WORKS = frozenset({WorkerState.STARTING, WorkerState.RUNNING})


def status_of(worker: SupervisedWorker, stats: ProcessStats, now: float) -> PartitionStatus:
    """The facts as of `now`, in monotonic seconds."""
    pids = pids_of(worker)
    alive = worker.standing.state in ALIVE
    memory, cpu = stats.of(pids) if alive else (None, None)
    generation, last = worker.generation, worker.history.deaths.last
    progress = generation.said.progress if generation else None
    running = generation.said.running if generation else None
    state, reason = condition(worker, now)
    end = worker.log.offset(now)
    if end is not None and worker.standing.state is WorkerState.RUNNING:
        end = max(end, worker.history.offset or 0)  # the answer may be older than the last commit
    return PartitionStatus(
        topic=worker.spec.key.topic,
        partition=worker.spec.key.partition,
        state=state,
        reason=reason,
        pid=generation.processes.pid if generation else None,
        writer_pid=generation.processes.writer_pid if generation else None,
        epoch=running.epoch if running else None,
        end_offset=end,
        offset=worker.history.offset,
        rows=worker.history.rows,
        dead=worker.history.dead,
        altered=worker.history.altered,
        last_death=last.end.reason if last else "",
        last_death_age=round(now - last.at, 1) if last else None,
        warning=worker.history.warning,
        rows_per_second=round(worker.history.rate.rate(now), 1) if alive else 0.0,
        queue_depth=progress.queue_depth if progress else 0,
        backpressure=progress.backpressure if progress else False,
        limited_by=(progress.limited_by or "") if progress else "",
        restarts=worker.history.deaths.restarts,
        memory_bytes=memory,
        cpu_percent=None if cpu is None else round(cpu, 1),
    )


def pids_of(worker: SupervisedWorker) -> list[int]:
    """Consumer and writer, as far as they are known."""
    return worker.generation.pids() if worker.generation else []


def condition(worker: SupervisedWorker, now: float) -> tuple[str, str]:
    """State and reason as they are shown: a worker that waits for database, registry or Kafka is `waiting`."""
    standing = worker.standing
    if standing.state is WorkerState.WAITING:
        return standing.state.value, worker.log.why or standing.reason
    if standing.state not in _WORKS:
        return standing.state.value, standing.reason
    waits = [worker.generation.said.waiting_for if worker.generation else "", worker.log.silence(now)]
    reason = "; ".join(filter(None, waits))
    return (WorkerState.WAITING if reason else standing.state).value, reason
