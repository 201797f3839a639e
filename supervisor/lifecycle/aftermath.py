"""What is done with a worker that has no processes any more: the verdict on their end, the new state, and the log."""

from __future__ import annotations

import random
import time

from rtpipe.pause import PausePolicy
from supervisor.lifecycle import worker_log
from supervisor.lifecycle.ends.death_history import DeathHistory
from supervisor.lifecycle.ends.end_verdict import NextStep, verdict_on
from supervisor.lifecycle.generation.generation_end import GenerationEnd
from supervisor.lifecycle.standing import Standing
from supervisor.lifecycle.worker_history import WorkerHistory
from supervisor.lifecycle.worker_state import WorkerState
from workers.contract.reports import WORKER_DIED, Ended

#: Until a worker starts again that left for a passing trouble; such an end is not counted as a death.
_RETRIES = PausePolicy(first=1.0, longest=1.0, jitter=0.2)


def settle(partition: str, standing: Standing, history: WorkerHistory, end: GenerationEnd) -> None:
    """After a generation: halt, stop where its drain leads, or start again, soon or by the restart policy."""
    worker_log.stacks(partition, end)
    verdict = verdict_on(end, partition, draining=standing.state is WorkerState.STOPPING)
    match verdict.next_step, verdict.report:
        case NextStep.HALT, Ended() as report:
            halt(partition, standing, history, report)
        case NextStep.RETRY, Ended() as report:
            history.note_trouble(report.name, report.text)
            retry_soon(standing, report.text)
            worker_log.left_to_retry(partition, report)
        case NextStep.STOP, report:
            _stop(partition, standing, report)
        case _:
            history.note_trouble(WORKER_DIED, end.reason)
            _restart(partition, standing, history.deaths, end)


def halt(partition: str, standing: Standing, history: WorkerHistory, why: Ended) -> None:
    """Only a person starts it again."""
    history.note_trouble(why.name, why.text)
    standing.trouble = why
    standing.move(WorkerState.HALTED, why.text)
    worker_log.halted(partition, why)


def retry_soon(standing: Standing, reason: str) -> None:
    """It starts again within seconds, and nothing is counted."""
    later = time.monotonic() + _RETRIES.seconds(1, random.random())
    standing.move(WorkerState.BACKOFF, reason, next_start=later)


def _stop(partition: str, standing: Standing, trouble: Ended | None) -> None:
    standing.arrive()
    if trouble is not None:
        if standing.state is WorkerState.STOPPED:
            standing.trouble = trouble
        worker_log.left_in_drain(partition, trouble)


def _restart(partition: str, standing: Standing, deaths: DeathHistory, end: GenerationEnd) -> None:
    now = time.monotonic()
    restart = deaths.add(end, now, random.random())
    state = WorkerState.QUARANTINED if restart.quarantined else WorkerState.BACKOFF
    standing.move(state, end.reason, next_start=restart.at)
    worker_log.died(partition, end, deaths, restart.at - now)
    if restart.quarantined:
        worker_log.quarantined(partition, deaths.policy)
