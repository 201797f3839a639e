"""Answers `rtpipe status` before there is a plan: Kafka does not answer, so the partitions are not known."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

from supervisor.control.control_socket import Command, ControlServer, Reply, Request
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus, own_version


class StatusBeforePlan:
    """A context that answers meanwhile; `reason` is shown for each topic."""

    def __init__(self, path: str, topics: Sequence[str], reason: str) -> None:
        self.reason = reason
        self._topics = topics
        self._since = time.monotonic()
        self._server = ControlServer(path)
        self._woken = threading.Event()
        self._closed = False

    def __enter__(self) -> StatusBeforePlan:
        self._server.open(self._woken.set)
        threading.Thread(target=self._answer, name="status before plan", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._woken.set()
        self._server.close()

    def _answer(self) -> None:
        while not self._closed:
            self._woken.wait()
            self._woken.clear()
            self._server.answer(self._commands())

    def _commands(self) -> dict[str, Command]:
        return {"status": lambda _: self.status().to_json()} | {verb.value: self._refuse for verb in Verb}

    def _refuse(self, request: Request) -> Reply:
        """Nothing can be done to partitions that are not known."""
        where = request.body.get("where")
        wanted = [str(place) for place in where] if isinstance(where, list) else []
        ours = [place for place in wanted if place.partition("/")[0] in self._topics]
        why = f"its partitions are not known yet: {self.reason}"
        unknown = [place for place in wanted if place not in ours]
        return {"done": [], "refused": dict.fromkeys(ours, why), "unknown": unknown, "warning": ""}

    def status(self) -> PipelineStatus:
        """One line a topic."""
        waits = {"state": WorkerState.WAITING.value, "reason": self.reason, "rows": 0, "dead": 0, "restarts": 0}
        return PipelineStatus(
            supervisor_pid=os.getpid(),
            uptime_seconds=round(time.monotonic() - self._since, 3),
            draining=False,
            partitions=tuple(PartitionStatus.from_json(waits | {"topic": topic}) for topic in self._topics),
            version=own_version(),
        )
