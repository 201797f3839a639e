"""PROCESS 1: waits for deaths, reports, signals and questions in one place, and acts on them."""

from __future__ import annotations

import ctypes
import signal
import time
from collections.abc import Callable, Sequence

from rtpipe.errors import ExitCode
from supervisor.control.control_socket import ControlServer
from supervisor.kafka.log_watch import LogWatch
from supervisor.kafka.topic_watch import TopicWatch
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.start_pace import StartPace
from supervisor.lifecycle.stuck_workers import StuckWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import TERMINAL
from supervisor.membership.membership import Membership
from supervisor.mirror.offset_mirror import OffsetMirror
from supervisor.run.control_commands import ControlCommands
from supervisor.run.kafka_changes import KafkaChanges
from supervisor.run.options import Options, SchemaService
from supervisor.run.run_targets import RunTargets
from supervisor.run.shutdown import Shutdown, kill_all
from supervisor.run.signal_inbox import SignalInbox
from supervisor.run.topic_serving import AllServed
from supervisor.run.wanted_topics import WantedTopics
from supervisor.run.worker_waits import WorkerWaits
from supervisor.status.run_summary import log_end_of_run
from supervisor.status.status_refresh import StatusReport
from supervisor.status.systemd_notify import SystemdNotifier
from supervisor.steering.dead_letter_acts import DeadLetterActs
from supervisor.steering.health_throttle import HealthThrottle
from supervisor.steering.partition_acts import PartitionActs
from supervisor.steering.reload import Reload, hangup_reloads
from supervisor.steering.row_limits import RowLimits
from supervisor.steering.step_over import StepOver
from workers.contract.partition_spec import PartitionSpec

_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_WAIT = 1.0


class Supervisor:
    """Keeps a worker for every partition running until asked to drain, or until every target is reached."""

    def __init__(
        self,
        specs: Sequence[PartitionSpec],
        options: Options,
        *,
        make: Callable[[PartitionSpec], SupervisedWorker],
        schemas: SchemaService,
        watch: TopicWatch,
        logs: LogWatch,
        mirror: OffsetMirror,
        notifier: SystemdNotifier,
    ) -> None:
        """`specs`: what is served from the start. `make`: the worker of a partition."""
        self._specs = specs
        self._options = options
        self._schemas = schemas
        self._shutdown = Shutdown(options.drain_seconds)
        self._served = ServedWorkers(make, self._shutdown.worker_seconds)
        self._workers = self._served.workers
        self._targets = RunTargets(options.targets)
        self._membership = options.membership
        self._kafka = KafkaChanges(watch, logs, self._served, self._targets, takes_added=not self._membership)
        self._wanted = WantedTopics(options.topics, self._served, self._membership or AllServed(self._served))
        self._mirror = mirror
        self._limits = RowLimits(self._workers, options.rows_per_second, HealthThrottle(options.health), options.limits)
        self._report = StatusReport(
            self._served,
            notifier,
            options.show,
            options.facts,
            row_limit=self._limits.in_words,
            notes=self._wanted.notes,
        )
        self._waits = WorkerWaits()
        self._pace = StartPace()
        self._heartbeats = StuckWorkers(options.heartbeat)
        self._acts = PartitionActs(
            self._workers, options.pauses, self._shutdown.worker_seconds, renewed=self._kafka.renewed
        )
        self._reload = Reload(self._workers, options.settings, self._shutdown.worker_seconds, self._wanted)
        steps = StepOver(self._workers, self._kafka.renewed)
        self._commands = ControlCommands(
            self._report,
            self._acts,
            self._limits,
            steps,
            reload=self._reload,
            dead_letters=DeadLetterActs(self._workers),
            events=options.events,
            hosts=options.hosts,
        )
        self._control = ControlServer(options.control_socket)
        self._served.on_taken.append(self._welcome)
        self._served.on_gone.append(self._forget)

    def run(self) -> ExitCode:
        """Supervise; returns the exit code of the command."""
        become_subreaper()
        reloads = [signal.SIGHUP] if hangup_reloads() else []
        with SignalInbox([signal.SIGTERM, signal.SIGINT, *reloads]) as inbox:
            self._control.open(inbox.wake)
            self._schemas.open(inbox.wake)
            self._kafka.open(inbox.wake)
            try:
                self._served.take(self._specs)
                if self._membership:
                    self._membership.open(self._served, inbox.wake)
                self._limits.apply(time.monotonic())
                self._start_due(time.monotonic())
                self._report.ready()
                while not self._over():
                    self._turn(inbox)
                self._report.show(draining=self._shutdown.began)  # the last picture is of the end
                if not self._shutdown.forced:
                    self._mirror.close(self._workers)
            finally:
                kill_all(self._workers)
                if self._membership:
                    self._membership.close()
                self._control.close()
                self._mirror.kill()
                self._waits.close()
        return self._exit_code()

    def _turn(self, inbox: SignalInbox) -> None:
        """One round: wait for whatever comes first, then look at everything."""
        self._waits.wait(self._workers, inbox, self._until_next())
        self._served.sweep()
        for number in inbox.take():
            if number == signal.SIGHUP:
                self._on_hangup()
            else:
                self._end()
        self._schemas.deliver()
        self._control.answer(self._commands.by_name(draining=self._shutdown.began))
        now, draining = time.monotonic(), self._shutdown.began
        self._targets.stop_workers(self._workers, now, self._shutdown.worker_seconds)
        self._heartbeats.look(self._workers, now)
        if now >= self._kafka.next_look():
            self._kafka.look(now, draining=draining)
        if self._membership:
            self._obey(self._membership, now)
        if not draining and now >= self._wanted.next_look():
            self._wanted.look(now)
        self._limits.apply(now)
        self._start_due(now)
        self._shutdown.enforce(self._workers)
        self._report.refresh(time.monotonic(), draining=draining)
        if self._pace.is_over(self._workers, now):  # what they take would be missing where rows wait
            self._mirror.look(self._workers, now)
            for companion in self._options.companions:
                companion.look(now)

    def _end(self) -> None:
        """As the first signal asks for, or the second."""
        if self._shutdown.on_signal(self._workers):
            self._served.take_no_more()
            self._report.stopping()

    def _obey(self, membership: Membership, now: float) -> None:
        """Serve what the group says; without a place in it the run ends."""
        membership.look(now, draining=self._shutdown.began)
        if membership.replaced and not self._shutdown.began:
            self._end()

    def _over(self) -> bool:
        """Whether nothing is left to do."""
        stays = not self._shutdown.began and (self._options.stays or self._wanted.missing)
        return not stays and all(worker.standing.state in TERMINAL for worker in self._workers)

    def _welcome(self, taken: Sequence[SupervisedWorker]) -> None:
        """Partitions are served from now on."""
        self._acts.pause_again(taken)
        self._limits.limit_again(taken)
        self._schemas.tell_limits(worker.spec for worker in taken)

    def _forget(self, gone: Sequence[SupervisedWorker]) -> None:
        """Partitions are served no more."""
        self._targets.forget(gone)
        self._mirror.leave(gone)
        for topic in {worker.spec.key.topic for worker in gone}:
            if not self._served.has_topic(topic):
                self._schemas.forget(topic)
                self._limits.forget(topic)
                if self._options.settings is not None:
                    self._options.settings.forget(topic)

    def _on_hangup(self) -> None:
        if not self._shutdown.began:
            self._reload.on_signal()

    def _until_next(self) -> float:
        """Seconds to wait at most."""
        now = time.monotonic()
        starts = None if self._shutdown.began else self._pace.next_due(self._workers, now)
        topics = None if self._shutdown.began else self._wanted.next_look()
        due = [self._report.next_due(), self._kafka.next_look(), topics, self._shutdown.next_due(), starts]
        return min(_LONGEST_WAIT, max(0.0, min(moment for moment in due if moment is not None) - now))

    def _start_due(self, now: float) -> None:
        if not self._shutdown.began:
            for worker in self._pace.due(self._workers, now):
                worker.start()

    def _exit_code(self) -> ExitCode:
        """The worst that is known: of the shutdown, then the first trouble of a partition, then dead letters."""
        dead = log_end_of_run(self._served.totals())
        forced = self._shutdown.exit_code(self._workers)
        if forced is not None:
            return forced
        if self._membership and self._membership.replaced:
            return ExitCode.FENCED
        troubles = [worker.standing.code for worker in self._workers if worker.standing.code != ExitCode.DONE]
        done = ExitCode.DEAD_LETTERS if dead and self._options.fail_on_dead_letters else ExitCode.DONE
        return troubles[0] if troubles else done


def become_subreaper() -> None:
    """Let orphans of a killed forkserver or consumer come to us, who know and reap them, instead of to PID 1."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
