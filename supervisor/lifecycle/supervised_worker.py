"""One partition in the supervisor's eyes: where it stands, the generation that runs now if one does, its history."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Protocol

from supervisor.lifecycle import aftermath, worker_log
from supervisor.lifecycle.ends.restart_policy import RestartPolicy
from supervisor.lifecycle.generation.generation import Generation
from supervisor.lifecycle.generation.worker_processes import WorkerProcesses
from supervisor.lifecycle.log_end import LogEnd
from supervisor.lifecycle.standing import Standing
from supervisor.lifecycle.worker_history import WorkerHistory
from supervisor.lifecycle.worker_state import WorkerState
from workers.contract.logged import Logged
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Progress, Running, SchemaWanted, Warned
from workers.contract.schema_answers import SchemaAnswers

#: The name of a wait for a service among the troubles.
_WAITS = "waiting"


class SchemaQuestions(Protocol):
    """Where a writer's questions about schema ids go."""

    def ask(self, spec: PartitionSpec, wanted: SchemaWanted, reply: Callable[[SchemaAnswers], None]) -> None:
        """`reply` is called later, in the loop, with the answers."""


class SupervisedWorker:
    """Starts one generation after the other, takes its reports, and hears of its death. orders.py: what is asked."""

    def __init__(
        self,
        spec: PartitionSpec,
        policy: RestartPolicy,
        launch: Callable[[PartitionSpec], WorkerProcesses],
        questions: SchemaQuestions,
        hear: Callable[[Logged], None] = lambda _: None,
    ) -> None:
        """`launch` starts the processes; it raises EOFError or OSError if that cannot be done now. `hear` gets the
        events of their logs.
        """
        self.spec = spec
        self.standing = Standing()
        self.joins = False  #: it has not run yet, and came while others run: they are not to be held up
        self.why_slow = ""  #: why it may read so many messages a second alone; "" if there is no limit
        self.generation: Generation | None = None
        self.log = LogEnd(self.standing.since)
        self.history = WorkerHistory(policy)
        self._launch = launch
        self._questions = questions
        self._hear = hear
        self._went_back = False  #: the database, and since then no schema was asked for

    def __str__(self) -> str:
        return str(self.spec.key)

    def begin(self, why: str = "asked where its log begins") -> None:
        """Let it start when its turn comes, or wait until somebody knows where its log begins."""
        self.standing.move(WorkerState.WAITING, why)
        if self.spec.first_offset >= 0:
            self.standing.may_start()

    def begin_at(self, first_offset: int) -> None:
        """What it waited for: its log begins at this offset."""
        self.spec = dataclasses.replace(self.spec, first_offset=first_offset)
        self.standing.may_start()

    def keep_pace(self, rows_per_second: float, why: str) -> None:
        """Read so many messages a second at most, 0: as many as it can; this generation, and those to come."""
        self.why_slow = why
        if rows_per_second != self.spec.rows_per_second:
            self.spec = dataclasses.replace(self.spec, rows_per_second=rows_per_second)
            if self.generation is not None:
                self.generation.processes.keep_pace(rows_per_second)

    def start(self) -> None:
        """A new generation: new processes, new queue, new epoch."""
        self.standing.move(WorkerState.STARTING)
        self.standing.trouble = None
        try:
            processes = self._launch(self.spec.renewed())
        except (EOFError, OSError) as exc:  # the forkserver was killed over it; the next start makes a new one
            why = getattr(exc, "strerror", "") or "the process that starts workers ended"
            aftermath.retry_soon(self.standing, f"no process could be started: {why}")
            worker_log.not_started(str(self), self.standing.reason)
            return
        self.generation = Generation(processes, time.monotonic())  # now: a new forkserver takes its time
        self.spec = dataclasses.replace(self.spec, armed="")  # a kill point is for one death

    def take_reports(self) -> None:
        """Take what the consumer process reported. If the system refuses what that needs, such as one more open file,
        this worker starts again, and the others go on.
        """
        if self.generation is None:
            return
        try:
            for report in self.generation.reports():
                self._note(self.generation, report, time.monotonic())
        except OSError as exc:
            worker_log.report_lost(str(self), exc)
            self.generation.processes.link.close()  # without it the consumer ends

    def _note(self, generation: Generation, report: object, now: float) -> None:
        """What outlives the generation; the rest it remembers by itself."""
        match report:
            case SchemaWanted():
                again, self._went_back = report.again or self._went_back, False  # its tables may have gone back, too
                wanted = dataclasses.replace(report, again=again)
                self._questions.ask(self.spec, wanted, generation.processes.answer)
            case Running():
                self.spec = dataclasses.replace(self.spec, known=True, last_epoch=report.epoch)
                if self.history.offset is not None and report.offset < self.history.offset:
                    self._went_back = True
                    worker_log.went_back(str(self), self.history.offset, report.offset)
                self.history.offset, self.history.server = report.offset, report.server or self.history.server
                self.joins = False
                if self.standing.state is WorkerState.STARTING:
                    self.standing.move(WorkerState.RUNNING)
                worker_log.running(str(self), report, generation.processes.pid)
            case Progress():
                if report.end_offset >= 0 and report.end_offset != generation.said.end_offset:
                    self.log.grow(report.end_offset, now)
                self.history.add(generation.said.progress, report, now)
            case Logged():
                self._hear(report)
            case Warned():
                self.history.warning = report.text
        generation.note(report, now)
        if generation.said.waiting_for:
            self.history.note_trouble(_WAITS, generation.said.waiting_for)

    def on_death(self) -> None:
        """Its consumer process is gone: say why, and do what follows."""
        if self.generation is None:
            return
        self.take_reports()
        end, self.generation = self.generation.end(), None
        aftermath.settle(str(self), self.standing, self.history, end)
