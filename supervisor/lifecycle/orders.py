"""What is asked of one worker from outside: by a signal, by a person, or by what the supervisor found."""

from __future__ import annotations

import dataclasses

from supervisor.lifecycle import aftermath
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from workers.contract.reports import Ended


def drain(worker: SupervisedWorker, seconds: float, *, arrived: bool = False) -> None:
    """Ask for a clean end; a worker that has no process is at its end already. `arrived`: all is committed."""
    standing = worker.standing
    if worker.generation is None:
        if standing.state not in {WorkerState.STOPPED, WorkerState.HALTED}:
            standing.move(WorkerState.STOPPED)
    elif standing.state is not WorkerState.STOPPING:
        standing.move(WorkerState.STOPPING)
        worker.generation.drain(seconds, arrived=arrived)


def kill(worker: SupervisedWorker) -> None:
    """End it at once; its death is then no surprise."""
    drain(worker, 0)
    if worker.generation is not None:
        worker.generation.kill()


def halt(worker: SupervisedWorker, why: Ended) -> None:
    """Stop it for a reason that the supervisor found; only a person starts it again."""
    if worker.generation is not None:
        worker.generation.halt(why)
    elif worker.standing.state in {WorkerState.BACKOFF, WorkerState.QUARANTINED, WorkerState.WAITING}:
        aftermath.halt(str(worker), worker.standing, worker.history, why)


def resume(worker: SupervisedWorker) -> bool:
    """Start it again if it is halted or waits for its next try, also if another writer owns it. Whether it was."""
    if worker.generation is not None or worker.standing.state in {WorkerState.STOPPED, WorkerState.WAITING}:
        return False
    worker.history.deaths.forgive()
    worker.spec = dataclasses.replace(worker.spec, last_epoch=-1)
    worker.begin()
    return True
