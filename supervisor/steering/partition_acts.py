"""What a person asks of some partitions of a run: which they are, what is refused, what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rtpipe.log import get_logger
from supervisor.control.control_socket import Reply, Request
from supervisor.lifecycle import orders, requests
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.steering.act import Act
from supervisor.steering.act_file import ActFile
from workers.contract.partition_spec import PartitionSpec

log = get_logger("supervisor")
_RUN_ENDS = "the supervisor ends"


class PartitionActs:
    """`workers` is the supervisor's own list, which changes."""

    def __init__(
        self,
        workers: Sequence[SupervisedWorker],
        pauses: ActFile,
        drain_seconds: float,
        renewed: Callable[[PartitionSpec], PartitionSpec],
    ) -> None:
        """`drain_seconds`: for one worker. `renewed`: a spec with what Kafka says now."""
        self._workers = workers
        self._pauses = pauses
        self._drain_seconds = drain_seconds
        self._renewed = renewed

    def pause_again(self, taken: Sequence[SupervisedWorker]) -> None:
        """What was paused when it was served last does not start."""
        kept = {group: self._pauses.read(group) for group in {worker.spec.group for worker in taken}}
        for worker in taken:
            if reason := kept[worker.spec.group].get(str(worker)):
                orders.drain(worker, 0, goal=WorkerState.PAUSED, reason=reason)
                extra = {"event": "pause_kept", "partition": str(worker)}
                log.info("%s is not started: %s; rtpipe resume %s starts it", worker, reason, worker, extra=extra)

    def answer(self, verb: Verb, request: Request, *, draining: bool) -> Reply:
        """`where`: TOPIC or TOPIC/PARTITION each. With `dry_run` it only says what would be done.

        The reply: `done`, the partitions; `refused`, partition -> why; `unknown`, of `where` what is not here;
        `warning`, if pauses could not be kept.
        """
        chosen, unknown = choose(self._workers, request.body.get("where"))
        refused = {str(worker): _RUN_ENDS if draining else requests.why_not(verb, worker.standing) for worker in chosen}
        able = [worker for worker in chosen if not refused[str(worker)]]
        warning = ""
        if not request.body.get("dry_run"):
            act = Act.of(request)
            for worker in able:
                self._do(act, verb, worker)
            warning = self._keep({worker.spec.group for worker in able}) if verb is not Verb.RESTART else ""
        return {
            "done": [str(worker) for worker in able],
            "refused": {partition: why for partition, why in refused.items() if why},
            "unknown": unknown,
            "warning": warning,
        }

    def _do(self, act: Act, verb: Verb, worker: SupervisedWorker) -> None:
        if verb is Verb.RESUME:
            worker.spec = self._renewed(worker.spec)
        requests.act(verb, worker, self._drain_seconds, act.reason(verb))
        act.tell(verb, str(worker))

    def _keep(self, groups: Iterable[str]) -> str:
        """Write down what is paused now. Why that is not possible; "" if it is."""
        troubles = []
        for group in sorted(groups):
            paused = {
                str(worker): worker.standing.reason
                for worker in self._workers
                if worker.spec.group == group and worker.standing.is_paused
            }
            troubles.append(self._pauses.write(group, paused))
        return "; ".join(filter(None, troubles))


def choose(workers: Sequence[SupervisedWorker], where: Any) -> tuple[list[SupervisedWorker], list[str]]:
    """The workers that `where` means, in order, each once; and of `where` what means none."""
    wanted = [str(place) for place in where] if isinstance(where, list) else []
    chosen = [worker for worker in workers if not _names(worker).isdisjoint(wanted)]
    found = {name for worker in chosen for name in _names(worker)}
    return chosen, [place for place in dict.fromkeys(wanted) if place not in found]


def _names(worker: SupervisedWorker) -> set[str]:
    return {worker.spec.key.topic, str(worker)}
