"""`rtpipe step-over`: the one message at which a partition is halted becomes a dead letter, and it goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from supervisor.control.control_socket import Reply, Request
from supervisor.lifecycle import requests
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.steering.act import Act
from supervisor.steering.partition_acts import choose
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Ended

_NOT_HALTED = "it is {state}, and only a halted partition has a message to step over"
_NOT_AT_A_MESSAGE = "it is not halted at a message that is no row, but for another reason: {why}"


class StepOver:
    """`workers` is the supervisor's own list, which changes."""

    def __init__(self, workers: Sequence[SupervisedWorker], renewed: Callable[[PartitionSpec], PartitionSpec]) -> None:
        """`renewed`: a spec with what Kafka says now."""
        self._workers = workers
        self._renewed = renewed

    def answer(self, request: Request, *, draining: bool) -> Reply:
        """`where`: one TOPIC/PARTITION. The reply is that of PartitionActs.answer, with `message`: why it is halted."""
        chosen, unknown = choose(self._workers, request.body.get("where"))
        if len(chosen) > 1:
            return {"error": "a message is stepped over in one partition at a time: name TOPIC/PARTITION"}
        reply: Reply = {"done": [], "refused": {}, "unknown": unknown, "warning": "", "message": ""}
        for worker in chosen:
            why_not = "the supervisor ends" if draining else _why_not(worker)
            stop = worker.standing.trouble
            if why_not or stop is None or stop.offset is None:
                return reply | {"refused": {str(worker): why_not}}
            if not request.body.get("dry_run"):
                self._step_over(worker, stop.offset, Act.of(request))
            return reply | {"done": [str(worker)], "message": stop.text}
        return reply

    def _step_over(self, worker: SupervisedWorker, offset: int, act: Act) -> None:
        worker.spec = dataclasses.replace(self._renewed(worker.spec), step_over=offset)
        requests.act(Verb.RESUME, worker, 0, act.reason(Verb.RESUME))
        act.tell_step(str(worker), offset)


def _why_not(worker: SupervisedWorker) -> str:
    standing = worker.standing
    if standing.state is not WorkerState.HALTED:
        return _NOT_HALTED.format(state=standing.state.value)
    return "" if _at_a_message(standing.trouble) else _NOT_AT_A_MESSAGE.format(why=standing.reason)


def _at_a_message(stop: Ended | None) -> bool:
    return stop is not None and stop.offset is not None
