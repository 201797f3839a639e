"""What other commands ask of a running supervisor, by name; control_socket.py carries question and answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from supervisor.control_socket import Reply
from supervisor.event_ring import EventRing
from supervisor.kafka_changes import KafkaChanges
from supervisor.lifecycle import orders
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.status.status_refresh import StatusReport


class ControlCommands:
    """`workers` is the supervisor's own list, which grows."""

    def __init__(
        self, workers: Sequence[SupervisedWorker], report: StatusReport, kafka: KafkaChanges, events: EventRing
    ) -> None:
        self._workers = workers
        self._report = report
        self._kafka = kafka
        self._events = events

    def by_name(self, *, draining: bool) -> Mapping[str, Callable[[Reply], Reply]]:
        """Each takes the whole request and gives the reply. `draining`: the run ends, so nothing is started."""
        return {
            "status": lambda request: self._status(request, draining=draining),
            "events": self._newer_events,
            "resume": lambda request: {"resumed": [] if draining else self._resume(request)},
        }

    def _status(self, request: Reply, *, draining: bool) -> Reply:
        """`processes` false: without memory and CPU of each process, which cost more than all the rest."""
        return self._report.status(draining=draining, processes=request.get("processes") is not False).to_json()

    def _newer_events(self, request: Reply) -> Reply:
        """Those after number `after`, if `run` is this one; else all that are kept."""
        after = request.get("after") if request.get("run") == self._events.run else 0
        newer = self._events.after(after if isinstance(after, int) else 0)
        return {"run": self._events.run, "events": [dataclasses.asdict(event) for event in newer]}

    def _resume(self, request: Reply) -> list[str]:
        """Start halted and quarantined partitions of a topic again, all or one, on the topic and cluster of now."""
        resumed: list[str] = []
        for worker in self._workers:
            key = worker.spec.key
            if key.topic == request.get("topic") and request.get("partition") in {None, key.partition}:
                worker.spec = self._kafka.renewed(worker.spec)
                if orders.resume(worker):
                    resumed.append(str(key))
        return resumed
