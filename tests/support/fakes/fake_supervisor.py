"""A supervisor's loop between fakes, led through a scene: a generator that acts and waits, one step a turn."""

from __future__ import annotations

import dataclasses
import itertools
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor import supervisor_process
from supervisor.control.control_socket import ask
from supervisor.kafka.log_watch import LogFacts
from supervisor.kafka.topic_watch import TopicChanges
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.run.options import Options
from supervisor.schemas.schema_requests import Reply
from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.process_stats import ProcessStats
from supervisor.supervisor_process import Supervisor
from tests.support.fakes.fake_worker import SPEC, FakeLauncher
from tests.support.samples.specs import default_policy
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Ended, Progress, Running, SchemaWanted
from workers.contract.schema_answers import SchemaAnswers

Scene = Generator[Callable[[], object] | None, None, None]
_MOST_TURNS = 20_000


class FakeWatch:
    """What a test says of Kafka; nothing changes by itself."""

    def __init__(self) -> None:
        self.news: list[TopicChanges] = []
        self.answers: list[LogFacts] = []
        self.ids: dict[str, str] = {}
        self.cluster_id = SPEC.cluster_id

    def open(self, wake: Callable[[], None]) -> None:
        """Its answers are there before anybody asks."""

    def next_look(self) -> float:
        return 0 if self.news or self.answers else float("inf")

    def changes(self, _now: float) -> TopicChanges:
        return self.news.pop(0) if self.news else TopicChanges()

    def facts(self, _now: float, _keys: Sequence[PartitionKey], _unknown: Sequence[PartitionKey]) -> LogFacts | None:
        return self.answers.pop(0) if self.answers else None

    def add(self, spec: PartitionSpec) -> None:
        self.ids.setdefault(spec.key.topic, spec.topic_id)

    def forget(self, topic: str) -> None:
        del self.ids[topic]

    def hurry(self) -> None:
        """What it is asked for, it answers when the test says so."""

    def topic_id(self, topic: str) -> str:
        return self.ids[topic]


@dataclass
class FakeNotifier:
    """Keeps what systemd would hear."""

    watchdog_every: float | None = None
    heard: list[str] = field(default_factory=list)

    def ready(self, status: str) -> None:
        self.heard.append(f"ready {status}")

    def alive(self, status: str) -> None:
        self.heard.append(f"alive {status}")

    def stopping(self) -> None:
        self.heard.append("stopping")


@dataclass
class FakeMirror:
    """Keeps the offsets that Kafka's own tools would show at the end."""

    last: list[int | None] | None = None
    looks: int = 0
    gone: list[str] = field(default_factory=list)

    def look(self, workers: Sequence[SupervisedWorker], _now: float) -> None:
        self.looks += 1

    def close(self, workers: Sequence[SupervisedWorker]) -> None:
        self.last = [worker.history.offset for worker in workers]

    def leave(self, gone: Sequence[SupervisedWorker]) -> None:
        self.gone += map(str, gone)

    def kill(self) -> None:
        """Nothing runs."""


class SceneOver(Exception):  # noqa: N818 - of a test
    """The scene has an end, and the supervisor has not."""


class FakeSchemas:
    """Where writers' questions go, and what each turn of the loop passes by: so it leads through the scene."""

    def __init__(self) -> None:
        self.questions: list[tuple[SchemaWanted, Reply]] = []
        self.ready: list[tuple[Reply, SchemaAnswers]] = []
        self.limits_of: list[PartitionSpec] = []
        self.forgotten: list[str] = []
        self.scene: Scene | None = None
        self._wake: Callable[[], None] = lambda: None
        self._until: Callable[[], object] | None = None
        self._turns = itertools.count()

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def tell_limits(self, specs: Iterable[PartitionSpec]) -> None:
        self.limits_of += specs

    def forget(self, topic: str) -> None:
        self.forgotten.append(topic)

    def ask(self, spec: PartitionSpec, wanted: SchemaWanted, reply: Reply) -> None:
        self.questions.append((wanted, reply))

    def deliver(self) -> None:
        while self.ready:
            reply, answers = self.ready.pop(0)
            reply(answers)
        if next(self._turns) > _MOST_TURNS:
            raise SceneOver(f"after {_MOST_TURNS} turns the loop still runs")
        if self.scene is not None and (self._until is None or self._until()):
            try:
                self._until = next(self.scene)
            except StopIteration:
                self.scene = None
        self._wake()


class Stage:
    """A supervisor of some partitions of `orders` and all that it is given."""

    def __init__(self, partitions: int = 1, **options: Any) -> None:
        self.launch = FakeLauncher()
        self.schemas = FakeSchemas()
        self.watch = FakeWatch()
        self.mirror = FakeMirror()
        self.notifier = FakeNotifier(options.pop("watchdog_every", None))
        self.shown: list[PipelineStatus] = []
        budget = options.pop("budget", 3)
        chosen: dict[str, Any] = {"drain_seconds": 60, "heartbeat": HeartbeatLimits(60, 60), "show": self.shown.append}
        specs = options.pop("specs", [spec_of(number) for number in range(partitions)])
        watch: Any = self.watch
        mirror: Any = self.mirror
        notifier: Any = self.notifier
        run = Options(**chosen | options)

        def make(spec: PartitionSpec) -> SupervisedWorker:
            return SupervisedWorker(spec, default_policy(budget=budget), self.launch, self.schemas, run.events.add)

        self.supervisor = Supervisor(
            specs,
            run,
            make=make,
            schemas=self.schemas,
            watch=watch,
            logs=watch,
            mirror=mirror,
            notifier=notifier,
        )

    def run(self, scene: Scene) -> ExitCode:
        """Until the supervisor ends by itself; SceneOver if it does not."""
        self.schemas.scene = scene
        return self.supervisor.run()

    @property
    def workers(self) -> Any:
        return self.supervisor._workers

    @property
    def served(self) -> ServedWorkers:
        return self.supervisor._served

    def states(self) -> list[str]:
        return [worker.standing.state.value for worker in self.workers]

    def are(self, *states: str) -> Callable[[], bool]:
        return lambda: self.states() == list(states)


def spec_of(number: int, **changes: Any) -> PartitionSpec:
    """The spec of one partition of `orders`."""
    return dataclasses.replace(SPEC, key=PartitionKey("orders", number), armed="", **changes)


def running(offset: int = 0) -> Running:
    return Running(writer_pid=200, epoch=1, offset=offset)


def progress(offset: int, end: int, *, rows: int = 0, dead: int = 0, batches: int = 0) -> Progress:
    return Progress(offset, end, rows, dead, batches, 0, backpressure=False, waiting_for="")


def drained(stage: Stage) -> Scene:
    """Ask for a clean end; each worker obeys."""
    signal.raise_signal(signal.SIGTERM)
    yield lambda: all(made.drained for made in living(stage))
    for made in living(stage):
        made.die(0, Ended(ExitCode.DONE, "", ""))
    yield None


def living(stage: Stage) -> list[Any]:
    return [worker.generation.processes for worker in stage.workers if worker.generation is not None]


class Asked:
    """A question at the supervisor's socket, from another thread."""

    def __init__(self, path: Path, command: str, **arguments: Any) -> None:
        self.reply: Any = None
        self._thread = threading.Thread(target=self._ask, args=(path, command, arguments), daemon=True)
        self._thread.start()

    def _ask(self, path: Path, command: str, arguments: dict[str, Any]) -> None:
        self.reply = ask(path, command, **arguments)

    def done(self) -> bool:
        return not self._thread.is_alive()


def keep_to_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process stays what it was, and looks at no process by the pids that the fakes have."""
    monkeypatch.setattr(supervisor_process, "become_subreaper", lambda: None)
    monkeypatch.setattr(ProcessStats, "_look", lambda *_: (None, None))
