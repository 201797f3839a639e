"""What is asked of one worker by a signal, or by what the supervisor found. requests.py: by a person."""

from __future__ import annotations

from supervisor.lifecycle import aftermath
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import TERMINAL, WorkerState
from workers.contract.reports import Ended

#: States without a process in which a partition can be halted.
_AT_REST = frozenset({WorkerState.BACKOFF, WorkerState.QUARANTINED, WorkerState.WAITING, WorkerState.PAUSED})


def drain(
    worker: SupervisedWorker,
    seconds: float,
    *,
    arrived: bool = False,
    goal: WorkerState = WorkerState.STOPPED,
    reason: str = "",
) -> None:
    """Ask for a clean end that leads to `goal`, for this `reason`; a worker that has no process is at its end already.

    `arrived`: all that the run wants is committed.
    """
    standing = worker.standing
    standing.head_for(goal, reason)
    if worker.generation is None:
        if standing.state not in TERMINAL:
            standing.arrive()
    elif standing.state is not WorkerState.STOPPING:
        standing.move(WorkerState.STOPPING, reason)
        worker.generation.drain(seconds, arrived=arrived)


def kill(worker: SupervisedWorker, reason: str = "") -> None:
    """End it at once; its death is then no surprise."""
    drain(worker, 0, reason=reason)
    if worker.generation is not None:
        worker.generation.kill()


def halt(worker: SupervisedWorker, why: Ended) -> None:
    """Stop it for a reason that the supervisor found; only a person starts it again."""
    if worker.generation is not None:
        worker.generation.halt(why)
    elif worker.standing.state in _AT_REST:
        aftermath.halt(str(worker), worker.standing, worker.history, why)
