"""The status of one worker: what the supervisor knows, and what Kafka answered, if it did."""

from __future__ import annotations

from rtpipe.clock import timestamp
from supervisor.lifecycle.ends.death_history import DeathRecord
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_history import TroubleRecord
from supervisor.lifecycle.worker_state import ALIVE, WorkerState
from supervisor.status.facts.partition_status import DeathFact, PartitionStatus, Trouble
from supervisor.status.partition_watch import PartitionWatch, end_of_log
from supervisor.status.process_stats import ProcessStats

#: States in which a worker works, unless it waits for a service.
_WORKS = frozenset({WorkerState.STARTING, WorkerState.RUNNING})


def status_of(
    worker: SupervisedWorker, watch: PartitionWatch, stats: ProcessStats | None, now: float
) -> PartitionStatus:
    """The facts as of `now`, in monotonic seconds, and as of the last look of `watch`. No `stats`: nobody asks for
    memory and CPU.
    """
    pids = pids_of(worker)
    alive = worker.standing.state in ALIVE
    memory, cpu = stats.of(pids) if stats and alive else (None, None)
    generation, history = worker.generation, worker.history
    progress = generation.said.progress if generation else None
    running = generation.said.running if generation else None
    state, reason = standing_in_words(worker, now)
    last = history.deaths.last
    return PartitionStatus(
        topic=worker.spec.key.topic,
        partition=worker.spec.key.partition,
        state=state,
        reason=reason,
        state_seconds=round(now - worker.standing.since, 1),
        pid=generation.processes.pid if generation else None,
        writer_pid=generation.processes.writer_pid if generation else None,
        epoch=running.epoch if running else None,
        end_offset=end_of_log(worker, now),
        offset=history.offset,
        rows=history.rows,
        dead=history.dead,
        altered=history.altered,
        last_death=last.end.reason if last else "",
        last_death_age=round(now - last.at, 1) if last else None,
        warning=history.warning,
        rows_per_second=round(history.rate.rate(now), 1) if alive else 0.0,
        queue_depth=progress.queue_depth if progress else 0,
        backpressure=progress.backpressure if progress else False,
        limited_by=(progress.limited_by or "") if progress else "",
        restarts=history.deaths.restarts.total(),
        restart_reasons=dict(history.deaths.restarts),
        buffered=progress.buffered if progress else 0,
        memory_bytes=memory,
        cpu_percent=None if cpu is None else round(cpu, 1),
        condition=watch.condition.value,
        condition_reason=watch.reason,
        condition_seconds=round(now - watch.condition_since, 1),
        lag_seconds=_rounded(watch.lag_seconds),
        lag_per_second=_rounded(watch.trend.per_second),
        caught_up_in=_rounded(watch.trend.caught_up_in),
        commit_age=_rounded(None if watch.committed_at is None else now - watch.committed_at),
        batches=history.batches,
        phases=watch.phases,
        figures=history.figures,
        deaths=tuple(map(_death, history.deaths.records)),
        troubles=tuple(map(_trouble, history.troubles)),
        server=history.server,
        table=worker.spec.table,
        group=worker.spec.group,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _death(record: DeathRecord) -> DeathFact:
    end = record.end
    return DeathFact(
        at=timestamp(record.wall),
        reason=end.reason,
        process=end.death.process,
        pid=end.death.pid,
        exit_code=end.death.exit_code,
        offset=end.offset,
        epoch=end.epoch,
        has_stacks=bool(end.stacks),
    )


def _trouble(record: TroubleRecord) -> Trouble:
    return Trouble(timestamp(record.wall), record.name, record.text)


def pids_of(worker: SupervisedWorker) -> list[int]:
    """Consumer and writer, as far as they are known."""
    return worker.generation.pids() if worker.generation else []


def standing_in_words(worker: SupervisedWorker, now: float) -> tuple[str, str]:
    """State and reason as they are shown: a worker that waits for database, registry or Kafka is `waiting`."""
    standing = worker.standing
    if standing.state is WorkerState.WAITING:
        return standing.state.value, worker.log.why or standing.reason
    if standing.state not in _WORKS:
        return standing.state.value, standing.reason
    waits = [worker.generation.said.waiting_for if worker.generation else "", worker.log.silence(now)]
    reason = "; ".join(filter(None, waits))
    return (WorkerState.WAITING if reason else standing.state).value, reason
