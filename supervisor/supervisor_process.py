"""PROCESS 1: waits for deaths, reports, signals and questions in one place, and acts on them."""

from __future__ import annotations

import ctypes
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rtpipe.errors import ExitCode
from supervisor.control.control_socket import ControlServer
from supervisor.control.event_ring import EventRing
from supervisor.kafka.log_watch import LogWatch
from supervisor.kafka.topic_watch import TopicWatch
from supervisor.lifecycle.ends.restart_policy import RestartPolicy
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.lifecycle.generation.worker_processes import WorkerProcesses
from supervisor.lifecycle.start_pace import StartPace
from supervisor.lifecycle.stuck_workers import StuckWorkers
from supervisor.lifecycle.supervised_worker import SchemaQuestions, SupervisedWorker
from supervisor.lifecycle.worker_state import TERMINAL
from supervisor.mirror.offset_mirror import OffsetMirror
from supervisor.run.control_commands import ControlCommands
from supervisor.run.kafka_changes import KafkaChanges
from supervisor.run.run_targets import RunTargets
from supervisor.run.shutdown import Shutdown, kill_all
from supervisor.run.signal_inbox import SignalInbox
from supervisor.run.worker_waits import WorkerWaits
from supervisor.settings.live_settings import LiveSettings
from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.run_facts import RunFacts
from supervisor.status.run_summary import log_end_of_run
from supervisor.status.status_refresh import StatusReport
from supervisor.status.systemd_notify import SystemdNotifier
from supervisor.steering.database_health import HealthSeen
from supervisor.steering.health_throttle import HealthThrottle
from supervisor.steering.partition_acts import PartitionActs
from supervisor.steering.pause_file import PauseFile
from supervisor.steering.reload import Reload, hangup_reloads
from supervisor.steering.row_limits import RowLimits
from supervisor.steering.step_over import StepOver
from workers.contract.partition_spec import PartitionKey, PartitionSpec

_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How one run of the supervisor behaves."""

    drain_seconds: float
    heartbeat: HeartbeatLimits
    targets: dict[PartitionKey, int] | None = None  #: stop each partition once it has reached this offset
    control_socket: str = ""
    rows_per_second: Callable[[str], float] = lambda _topic: 0.0  #: the limit of a topic's settings; 0: none
    health: Callable[[], HealthSeen] | None = None  #: asks how the database is; None: that does not matter
    settings: LiveSettings | None = None  #: read again by `rtpipe reload`
    pauses: PauseFile = field(default_factory=PauseFile)
    show: Callable[[PipelineStatus], None] | None = None  #: called once a second
    facts: RunFacts = field(default_factory=RunFacts)
    events: EventRing = field(default_factory=EventRing)
    companions: Sequence[Beside] = ()
    fail_on_dead_letters: bool = False  #: a clean end with dead letters has an exit code of its own


class Beside(Protocol):
    """A process beside the workers that no row depends on."""

    def look(self, now: float) -> None:
        """Start it, or start it again."""


class SchemaService(SchemaQuestions, Protocol):
    """Answers what writers ask about schema ids; SchemaRequests is the real one."""

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when there are answers."""

    def tell_limits(self, specs: Iterable[PartitionSpec]) -> None:
        """Say which values the tables' columns refuse or may change."""

    def deliver(self) -> None:
        """Give each answer that is ready to the one who asked."""


class Supervisor:
    """Keeps one worker for every partition running until asked to drain, or until every target is reached."""

    def __init__(
        self,
        specs: Sequence[PartitionSpec],
        options: Options,
        *,
        policy: RestartPolicy,
        launch: Callable[[PartitionSpec], WorkerProcesses],
        schemas: SchemaService,
        watch: TopicWatch,
        logs: LogWatch,
        mirror: OffsetMirror,
        notifier: SystemdNotifier,
    ) -> None:
        def make(spec: PartitionSpec) -> SupervisedWorker:
            return SupervisedWorker(spec, policy, launch, schemas, options.events.add)

        self._options = options
        self._schemas = schemas
        self._workers = [make(spec) for spec in specs]
        self._targets = RunTargets(options.targets)
        self._kafka = KafkaChanges(watch, logs, make, self._targets)
        self._mirror = mirror
        self._shutdown = Shutdown(options.drain_seconds)
        self._limits = RowLimits(self._workers, options.rows_per_second, HealthThrottle(options.health))
        self._report = StatusReport(
            self._workers, notifier, options.show, options.facts, row_limit=self._limits.in_words
        )
        self._waits = WorkerWaits()
        self._pace = StartPace()
        self._heartbeats = StuckWorkers(options.heartbeat)
        self._acts = PartitionActs(
            self._workers, options.pauses, self._shutdown.worker_seconds, renewed=self._kafka.renewed
        )
        self._reload = Reload(self._workers, options.settings, self._shutdown.worker_seconds)
        steps = StepOver(self._workers, self._kafka.renewed)
        self._commands = ControlCommands(
            self._report, self._acts, self._limits, steps, reload=self._reload, events=options.events
        )
        self._control = ControlServer(options.control_socket)

    def run(self) -> ExitCode:
        """Supervise; returns the exit code of the command."""
        become_subreaper()
        reloads = [signal.SIGHUP] if hangup_reloads() else []
        with SignalInbox([signal.SIGTERM, signal.SIGINT, *reloads]) as inbox:
            self._control.open(inbox.wake)
            self._schemas.open(inbox.wake)
            try:
                for worker in self._workers:
                    worker.begin()
                self._acts.pause_again()
                self._limits.apply(time.monotonic())
                self._start_due(time.monotonic())
                self._schemas.tell_limits(worker.spec for worker in self._workers)
                self._report.ready()
                while not all(worker.standing.state in TERMINAL for worker in self._workers):
                    self._turn(inbox)
                self._report.show(draining=self._shutdown.began)  # the last picture is of the end
                if not self._shutdown.forced:
                    self._mirror.close(self._workers)
            finally:
                kill_all(self._workers)
                self._control.close()
                self._mirror.kill()
                self._waits.close()
        return self._exit_code()

    def _turn(self, inbox: SignalInbox) -> None:
        """One round: wait for whatever comes first, then look at everything."""
        self._waits.wait(self._workers, inbox, self._until_next())
        for number in inbox.take():
            if number == signal.SIGHUP:
                self._on_hangup()
            elif self._shutdown.on_signal(self._workers):
                self._report.stopping()
        self._schemas.deliver()
        self._control.answer(self._commands.by_name(draining=self._shutdown.began))
        now, draining = time.monotonic(), self._shutdown.began
        self._targets.stop_workers(self._workers, now, self._shutdown.worker_seconds)
        self._heartbeats.look(self._workers, now)
        if now >= self._kafka.next_look():
            self._kafka.look(self._workers, now, draining=draining)
        self._limits.apply(now)
        self._start_due(now)
        self._mirror.look(self._workers, now)
        self._shutdown.enforce(self._workers)
        self._report.refresh(time.monotonic(), draining=draining)
        for companion in self._options.companions:
            companion.look(now)

    def _on_hangup(self) -> None:
        if not self._shutdown.began:
            self._reload.on_signal()

    def _until_next(self) -> float:
        """Seconds to wait at most."""
        now = time.monotonic()
        starts = None if self._shutdown.began else self._pace.next_due(self._workers, now)
        due = [self._report.next_due(), self._kafka.next_look(), self._shutdown.next_due(), starts]
        return min(_LONGEST_WAIT, max(0.0, min(moment for moment in due if moment is not None) - now))

    def _start_due(self, now: float) -> None:
        if not self._shutdown.began:
            for worker in self._pace.due(self._workers, now):
                worker.start()

    def _exit_code(self) -> ExitCode:
        """The worst that is known: of the shutdown, then the first trouble of a partition, then dead letters."""
        dead = log_end_of_run(self._workers)
        forced = self._shutdown.exit_code(self._workers)
        if forced is not None:
            return forced
        troubles = [worker.standing.code for worker in self._workers if worker.standing.code != ExitCode.DONE]
        done = ExitCode.DEAD_LETTERS if dead and self._options.fail_on_dead_letters else ExitCode.DONE
        return troubles[0] if troubles else done


def become_subreaper() -> None:
    """Let orphans of a killed forkserver or consumer come to us, who know and reap them, instead of to PID 1."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
