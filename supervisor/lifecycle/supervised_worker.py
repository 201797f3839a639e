"""One partition in the supervisor's eyes: its state, the generation that runs now if one does, and its history."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Protocol

from rtpipe.errors import ExitCode
from rtpipe.pause import PausePolicy
from supervisor.lifecycle import worker_log
from supervisor.lifecycle.ends.end_verdict import NextStep, verdict_on
from supervisor.lifecycle.ends.restart_policy import RestartPolicy
from supervisor.lifecycle.generation.generation import Generation, GenerationEnd, WorkerProcesses
from supervisor.lifecycle.generation.heartbeat import HeartbeatLimits
from supervisor.lifecycle.log_end import LogEnd
from supervisor.lifecycle.worker_history import WorkerHistory
from supervisor.lifecycle.worker_state import WorkerState, move
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Ended, Progress, Running, SchemaWanted, Warned
from workers.contract.schema_answers import SchemaAnswers

#: Until a worker starts again that left for a passing trouble; such an end is not counted as a death.
_RETRIES = PausePolicy(first=1.0, longest=1.0, jitter=0.2)


#: Why it waits while others start.
_ITS_TURN = "starts as soon as others have started"


class SchemaQuestions(Protocol):
    """Where a writer's questions about schema ids go."""

    def ask(self, spec: PartitionSpec, wanted: SchemaWanted, reply: Callable[[SchemaAnswers], None]) -> None:
        """`reply` is called later, in the loop, with the answers."""


class SupervisedWorker:
    """Starts one generation after the other, takes its reports, and decides what follows from its end."""

    def __init__(
        self,
        spec: PartitionSpec,
        policy: RestartPolicy,
        launch: Callable[[PartitionSpec], WorkerProcesses],
        questions: SchemaQuestions,
    ) -> None:
        """`launch` starts the processes; it raises EOFError or OSError if that cannot be done now."""
        self.spec = spec
        self.state = WorkerState.STOPPED
        self.reason = ""  #: why it is in this state; "" where that says enough
        self.since = time.monotonic()  #: of this state
        self.generation: Generation | None = None
        self.next_start: float | None = None
        self.last_report: Ended | None = None  #: why its last generation did not end well, if that lasts
        self.log = LogEnd(self.since)
        self.history = WorkerHistory(policy)
        self._launch = launch
        self._questions = questions

    def __str__(self) -> str:
        return str(self.spec.key)

    @property
    def code(self) -> ExitCode:
        """What its last generation ended with, as far as that matters for the command's own exit code."""
        return self.last_report.code if self.last_report else ExitCode.DONE

    def _move(self, new: WorkerState, reason: str = "", *, next_start: float | None = None) -> None:
        self.state, self.reason, self.next_start = move(self.state, new), reason, next_start
        self.since = time.monotonic()

    def begin(self, why: str = "asked where its log begins") -> None:
        """Let it start when its turn comes, or wait until somebody knows where its log begins."""
        if self.spec.first_offset >= 0:
            self._move(WorkerState.WAITING, _ITS_TURN, next_start=time.monotonic())
        else:
            self._move(WorkerState.WAITING, why)

    def begin_at(self, first_offset: int) -> None:
        """What it waited for: its log begins at this offset."""
        self.spec = dataclasses.replace(self.spec, first_offset=first_offset)
        self.reason, self.next_start = _ITS_TURN, time.monotonic()

    @property
    def asks_for_begin(self) -> bool:
        """It waits until somebody knows where its log begins."""
        return self.state is WorkerState.WAITING and self.next_start is None

    @property
    def is_starting(self) -> bool:
        """It was started, and is neither ready nor waiting for a service."""
        generation = self.generation
        return self.state is WorkerState.STARTING and generation is not None and not generation.waiting_for

    def start(self) -> None:
        """A new generation: new processes, new queue, new epoch."""
        self._move(WorkerState.STARTING)
        self.last_report = None
        try:
            processes = self._launch(self.spec.renewed())
        except (EOFError, OSError) as exc:  # the forkserver was killed over it; the next start makes a new one
            why = getattr(exc, "strerror", "") or "the process that starts workers ended"
            self._retry(f"no process could be started: {why}")
            worker_log.not_started(str(self), self.reason)
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
                self._questions.ask(self.spec, report, generation.processes.answer)
            case Running():
                self.spec = dataclasses.replace(self.spec, known=True, last_epoch=report.epoch)
                self.history.offset = report.offset
                if self.state is WorkerState.STARTING:
                    self._move(WorkerState.RUNNING)
                worker_log.running(str(self), report, generation.processes.pid)
            case Progress():
                if report.end_offset >= 0 and report.end_offset != generation.end_offset:
                    self.log.grow(report.end_offset, now)
                self.history.add(generation.progress, report, now)
            case Warned():
                self.history.warning = report.text
        generation.note(report, now)

    def drain(self, seconds: float, *, arrived: bool = False) -> None:
        """Ask for a clean end; a worker that has no process is at its end already. `arrived`: all is committed."""
        if self.generation is None:
            if self.state not in {WorkerState.STOPPED, WorkerState.HALTED}:
                self._move(WorkerState.STOPPED)
        elif self.state is not WorkerState.STOPPING:
            self._move(WorkerState.STOPPING)
            self.generation.drain(seconds, arrived=arrived)

    def kill(self) -> None:
        """End it at once; its death is then no surprise."""
        self.drain(0)
        if self.generation is not None:
            self.generation.kill()

    def check_heartbeat(self, now: float, limits: HeartbeatLimits) -> None:
        """Replace a worker of which a process is stuck."""
        if self.generation is not None and (silence := self.generation.check_heartbeat(now, limits)):
            worker_log.stuck(str(self), silence)

    def halt(self, why: Ended) -> None:
        """Stop it for a reason that the supervisor found; only a person starts it again."""
        if self.generation is not None:
            self.generation.halt(why)
        elif self.state in {WorkerState.BACKOFF, WorkerState.QUARANTINED, WorkerState.WAITING}:
            self._halt(why)

    def resume(self) -> bool:
        """Start it again if it is halted or waits for its next try, also if another writer owns it. Whether it was."""
        if self.generation is not None or self.state in {WorkerState.STOPPED, WorkerState.WAITING}:
            return False
        self.history.deaths.forgive()
        self.spec = dataclasses.replace(self.spec, last_epoch=-1)
        self.begin()
        return True

    def on_death(self) -> None:
        """Its consumer process is gone: say why, and do what follows."""
        if self.generation is None:
            return
        self.take_reports()
        end, self.generation = self.generation.end(), None
        worker_log.stacks(str(self), end)
        verdict = verdict_on(end, str(self), draining=self.state is WorkerState.STOPPING)
        match verdict.next_step, verdict.report:
            case NextStep.HALT, Ended() as report:
                self._halt(report)
            case NextStep.RETRY, Ended() as report:
                self._retry(report.text)
                worker_log.left_to_retry(str(self), report)
            case NextStep.STOP, report:
                self._stop(report)
            case _:
                self._restart(end)

    def _stop(self, report: Ended | None) -> None:
        self._move(WorkerState.STOPPED)
        if report is not None:
            self.last_report = report
            worker_log.left_in_drain(str(self), report)

    def _halt(self, report: Ended) -> None:
        self.last_report = report
        self._move(WorkerState.HALTED, report.text)
        worker_log.halted(str(self), report)

    def _retry(self, reason: str) -> None:
        later = time.monotonic() + _RETRIES.seconds(1, random.random())
        self._move(WorkerState.BACKOFF, reason, next_start=later)

    def _restart(self, end: GenerationEnd) -> None:
        now = time.monotonic()
        restart = self.history.deaths.add(end, now, random.random())
        state = WorkerState.QUARANTINED if restart.quarantined else WorkerState.BACKOFF
        self._move(state, end.reason, next_start=restart.at)
        worker_log.died(str(self), end, self.history.deaths, restart.at - now)
        if restart.quarantined:
            worker_log.quarantined(str(self), self.history.deaths.policy)

    def pids(self) -> list[int]:
        """Consumer and writer, as far as they are known."""
        return [] if self.generation is None else self.generation.pids()
