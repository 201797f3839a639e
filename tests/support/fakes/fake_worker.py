"""A worker's spec, its processes that never were, and whoever else a SupervisedWorker speaks to."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field

from supervisor.lifecycle.generation.worker_processes import WorkerProcesses
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.schemas.schema_requests import Reply
from supervisor.status import worker_status
from supervisor.status.facts.condition import Promise
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.partition_watch import PartitionWatch
from supervisor.status.process_stats import ProcessStats
from tests.support.samples.specs import default_policy, default_spec
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Running, SchemaWanted
from workers.contract.schema_answers import SchemaAnswers

SPEC = default_spec(PartitionKey("orders", 0), topic_id="t", cluster_id="c", armed="writer:begin")


class Bell:
    """A file that is readable while it rings; a real one, made when somebody waits for it."""

    def __init__(self) -> None:
        self._file: int | None = None
        self._rings = False

    def set(self, *, rings: bool) -> None:
        self._rings = rings
        if self._file is not None:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self._file, 1) if rings else os.eventfd_read(self._file)

    def fileno(self) -> int:
        if self._file is None:
            self._file = os.eventfd(int(self._rings), os.EFD_NONBLOCK)
        return self._file

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class FakeLink:
    """The supervisor's end of the pipe to a consumer process."""

    def __init__(self) -> None:
        self.reports: list[object] = []
        self.closed = False
        self._bell = Bell()

    def say(self, *reports: object) -> None:
        """The consumer process reports; an exception stands for a pipe that ends there."""
        self.reports += reports
        self._bell.set(rings=bool(self.reports))

    def poll(self) -> bool:
        return bool(self.reports)

    def recv(self) -> object:
        report = self.reports.pop(0)
        self._bell.set(rings=bool(self.reports))
        if isinstance(report, Exception):
            raise report
        return report

    def close(self) -> None:
        self.closed = True
        self._bell.close()

    def fileno(self) -> int:
        return self._bell.fileno()


class FakeProcesses:
    """A consumer and a writer that never were. `code`: how the consumer ends; `dies_of_signals`: as processes do."""

    def __init__(self, spec: PartitionSpec, pid: int = 100) -> None:
        self.spec = spec
        self.pid = pid
        self.writer_pid: int | None = None
        self.link = FakeLink()
        self.code: int | None = 0
        self.found_stacks: dict[str, str] = {}
        self.drained: list[float] = []
        self.paces: list[float] = []
        self.signals: list[str] = []
        self.answers: list[SchemaAnswers] = []
        self.dies_of_signals = True
        self._death = Bell()

    def die(self, code: int | None, *reports: object) -> None:
        """The consumer process is gone after its last reports."""
        self.link.say(*reports)
        self.code = code
        self._death.set(rings=True)

    def death_sign(self) -> int:
        return self._death.fileno()

    def knows_writer(self, running: Running) -> None:
        self.writer_pid = running.writer_pid

    def drain(self, seconds: float) -> None:
        self.drained.append(seconds)

    def keep_pace(self, rows_per_second: float) -> None:
        self.paces.append(rows_per_second)

    def answer(self, answers: SchemaAnswers) -> None:
        self.answers.append(answers)

    def kill(self) -> None:
        self._signal("kill", -9)

    def abort(self) -> None:
        self._signal("abort", -6)

    def _signal(self, name: str, code: int) -> None:
        self.signals.append(name)
        if self.dies_of_signals or name == "kill":
            self.die(code)

    def reap(self) -> int | None:
        self.link.close()
        self._death.close()
        return self.code

    def stacks(self) -> dict[str, str]:
        return self.found_stacks


@dataclass
class FakeLauncher:
    """Starts processes that never were, and remembers them; raises `trouble` instead while there is one."""

    made: list[FakeProcesses] = field(default_factory=list)
    trouble: Exception | None = None

    def __call__(self, spec: PartitionSpec) -> WorkerProcesses:
        if self.trouble is not None:
            raise self.trouble
        self.made.append(FakeProcesses(spec, 100 + len(self.made)))
        return self.made[-1]

    @property
    def last(self) -> FakeProcesses:
        return self.made[-1]


@dataclass
class FakeQuestions:
    """Remembers what writers ask."""

    asked: list[tuple[SchemaWanted, Reply]] = field(default_factory=list)

    def ask(self, spec: PartitionSpec, wanted: SchemaWanted, reply: Reply) -> None:
        self.asked.append((wanted, reply))


def supervised_worker(launch: FakeLauncher, spec: PartitionSpec = SPEC) -> SupervisedWorker:
    """A worker whose processes come from `launch`."""
    return SupervisedWorker(spec, default_policy(), launch, FakeQuestions())


def status_of(worker: SupervisedWorker, stats: ProcessStats, now: float) -> PartitionStatus:
    """The status of one worker that is looked at for the first time."""
    watch = PartitionWatch(now)
    watch.look(worker, Promise(late_after=60, stuck_after=120), now, time.time())
    return worker_status.status_of(worker, watch, stats, now)
