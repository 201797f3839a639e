"""What a person asks of one worker: pause, resume, restart, drain; where that cannot be done, why."""

from __future__ import annotations

import dataclasses
import enum

from supervisor.lifecycle import orders
from supervisor.lifecycle.standing import Standing
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState


class Verb(enum.Enum):
    """Its value is the name of the command."""

    PAUSE = "pause"  #: drain, and start again only when asked
    RESUME = "resume"  #: start again what is paused, halted, or waits for its next try
    RESTART = "restart"  #: drain, and start again at once
    DRAIN = "drain"  #: for as long as the supervisor runs


_S = WorkerState
_RUNS = {_S.STARTING: "it is started already", _S.RUNNING: "it runs"}
_STARTS = {_S.WAITING: "it starts as soon as it can"}
_ENDS = {_S.STOPPED: "it was drained, and starts again only with the supervisor"}
_HALTED = {_S.HALTED: "it is halted: repair the cause, then `rtpipe resume`"}
#: Why a verb is refused, by the state of the worker, or by the one where its drain leads.
_REFUSED = {
    Verb.PAUSE: _ENDS | _HALTED | {_S.PAUSED: "it is paused already"},
    Verb.RESUME: _ENDS | _RUNS | _STARTS,
    Verb.RESTART: _ENDS | _HALTED | _STARTS | {_S.PAUSED: "it is paused: `rtpipe resume` starts it"},
    Verb.DRAIN: _ENDS | _HALTED,
}


def why_not(verb: Verb, standing: Standing) -> str:
    """Why it cannot be done, without the partition; "" if it can."""
    if standing.leaves:
        return f"it is given up: {standing.leaves}"
    state = standing.goal if standing.state is _S.STOPPING else standing.state
    return _REFUSED[verb].get(state, "")


def act(verb: Verb, worker: SupervisedWorker, drain_seconds: float, reason: str) -> None:
    """Do what `why_not` has nothing against. `reason` says who wants it, and when."""
    if worker.generation is None and verb in {Verb.RESUME, Verb.RESTART}:
        _start_again(worker)
        return
    goals = {Verb.PAUSE: _S.PAUSED, Verb.DRAIN: _S.STOPPED}
    orders.drain(worker, drain_seconds, goal=goals.get(verb, _S.WAITING), reason=reason)


def _start_again(worker: SupervisedWorker) -> None:
    """Also if another writer owns it by now."""
    worker.history.deaths.forgive()
    worker.spec = dataclasses.replace(worker.spec, last_epoch=-1)
    worker.begin()
