"""PROCESS 1: waits for deaths, reports, signals and questions in one place, and acts on them."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from typing import TYPE_CHECKING, Any

from rtpipe.deadline import Deadline
from rtpipe.errors import ExitCode, UnreachableError
from rtpipe.log import get_logger
from supervisor.control_socket import ControlServer
from supervisor.kafka.log_watch import LogWatch
from supervisor.kafka.topic_watch import TopicWatch
from supervisor.kafka_changes import KafkaChanges
from supervisor.restart_policy import RestartPolicy
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_fitter import TableFitter
from supervisor.signal_inbox import SignalInbox
from supervisor.status.partition_status import PipelineStatus, own_version
from supervisor.status.process_stats import ProcessStats
from supervisor.status.run_words import summary, tell_the_end
from supervisor.status.systemd_notify import SystemdNotifier
from supervisor.status.worker_status import status_of
from supervisor.supervised_worker import SupervisedWorker
from supervisor.wait_set import WaitSet
from supervisor.worker_state import SETTLED, State
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Ended

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry

log = get_logger("supervisor")
_PR_SET_CHILD_SUBREAPER = 36
#: Of the drain's seconds, how many the workers get; the rest is for burying them.
_DRAIN_SHARE = 0.8
_LONGEST_WAIT = 1.0
#: Seconds that a run which is to end waits for a partition that has no leader.
_LEADER_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """How one run of the supervisor behaves."""

    open_registry: Callable[[], Registry]
    drain_seconds: float
    heartbeat_seconds: float  #: a worker that is silent for so long is replaced
    database_seconds: float  #: how long a writer may be silent in the driver's hands
    targets: dict[PartitionKey, int] | None = None  #: stop each partition once it has reached this offset
    control_socket: str = ""
    show: Callable[[PipelineStatus], None] | None = None  #: called once a second
    fail_on_dead_letters: bool = False  #: a clean end with dead letters has an exit code of its own


class Supervisor:
    """Keeps one worker for every partition running until told to drain, or until every target is reached."""

    def __init__(
        self,
        specs: Sequence[PartitionSpec],
        options: Options,
        *,
        policy: RestartPolicy,
        context: ForkServerContext,
        watch: TopicWatch,
        logs: LogWatch,
        fitter: TableFitter,
        notifier: SystemdNotifier,
    ) -> None:
        self._requests = SchemaRequests(options.open_registry, fitter)

        def make(spec: PartitionSpec) -> SupervisedWorker:
            return SupervisedWorker(spec, policy, context, self._requests)

        self._workers = [make(spec) for spec in specs]
        self._kafka = KafkaChanges(watch, logs, make, options.targets)
        self._options = options
        self._notifier = notifier
        self._waits = WaitSet()
        self._stats = ProcessStats()
        self._started_at = time.monotonic()
        self._drain: Deadline | None = None
        self._forced = False
        self._next_show = self._next_sign = 0.0
        self._control = ControlServer(options.control_socket)
        self._commands = {"status": lambda _: self.status().to_json(), "resume": self._resume}

    def run(self) -> ExitCode:
        """Supervise; returns the exit code of the command."""
        become_subreaper()
        with SignalInbox([signal.SIGTERM, signal.SIGINT]) as inbox:
            self._control.open(inbox.wake)
            self._requests.open(inbox.wake)
            try:
                for worker in self._workers:
                    worker.begin()
                self._requests.tell_limits(worker.spec for worker in self._workers)
                self._notifier.ready(summary(self._workers))
                while not all(worker.state in SETTLED for worker in self._workers):
                    self._turn(inbox)
                self._next_show = 0.0
                self._show()  # the last picture is of the end
            finally:
                self._kill_all()
                self._control.close()
                self._waits.close()
        return self._verdict()

    def _turn(self, inbox: SignalInbox) -> None:
        """One round: wait for whatever comes first, then look at everything."""
        links = {("link", w.handle): w for w in self._workers if w.handle and not w.handle.link.closed}
        deaths = {("death", w.handle): w for w in self._workers if w.handle}
        wanted: dict[Hashable, Any] = {"inbox": inbox}
        wanted |= {key: key[1].link for key in links} | {key: key[1].death_sign() for key in deaths}
        ready = set(self._waits.wait(wanted, self._until_next()))
        for worker in [worker for key, worker in links.items() if key in ready]:
            worker.hear()
        for worker in [worker for key, worker in deaths.items() if key in ready]:
            worker.cancel()
        for _ in inbox.take():
            self._on_signal()
        self._requests.deliver()
        self._control.answer(self._commands)
        self._stop_those_who_arrived()
        self._replace_those_who_are_stuck()
        self._kafka.look(self._workers, time.monotonic(), draining=self._drain is not None)
        self._start_those_who_are_due()
        self._enforce_deadline()
        self._show()

    def _until_next(self) -> float:
        now = time.monotonic()
        moments = [worker.next_start for worker in self._workers if worker.next_start is not None]
        moments += [self._next_show, self._kafka.next_look(), *([self._drain.moment] if self._drain else [])]
        if self._notifier.watchdog_every:
            moments.append(self._next_sign)
        return min(_LONGEST_WAIT, max(0.0, min(moments) - now))

    def _on_signal(self) -> None:
        """The first asks for a clean end, the second for an end at once."""
        if self._drain is not None:
            self._forced = True
            log.warning("second signal: killing the workers", extra={"event": "drain_forced"})
            self._kill_all()
            return
        seconds = self._options.drain_seconds
        log.info("draining: at most %.0f s; a second signal kills at once", seconds, extra={"event": "drain_started"})
        self._notifier.stopping()
        self._drain = Deadline.after(seconds)
        for worker in self._workers:
            worker.drain(seconds * _DRAIN_SHARE)

    def _stop_those_who_arrived(self) -> None:
        if self._options.targets is None:
            return
        for worker in self._workers:
            if worker.state is State.QUARANTINED:  # a run that is to end does not wait for its next try
                worker.halt(Ended(ExitCode.TEMPORARY, "E_QUARANTINED", f"{worker}: {worker.reason}"))
            if worker.state is State.WAITING and time.monotonic() - worker.waits_since > _LEADER_PATIENCE:
                why = worker.log.why or worker.reason
                worker.halt(Ended(ExitCode.UNREACHABLE, UnreachableError.name, f"{worker}: {why}"))
            target = self._options.targets.get(worker.spec.key)
            arrived = target is not None and worker.offset is not None and worker.offset >= target
            # Only once it has seen the log's end: a stored offset beyond that is no arrival, but E_OFFSET_GONE.
            if arrived and worker.state is State.RUNNING and worker.end_offset is not None:
                worker.drain(self._options.drain_seconds * _DRAIN_SHARE, arrived=True)

    def _replace_those_who_are_stuck(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            worker.check_heartbeat(now, self._options.heartbeat_seconds, self._options.database_seconds)

    def _resume(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start halted and quarantined partitions of a topic again, all or one; the topic may be another by now."""
        resumed = []
        for worker in self._workers:
            key = worker.spec.key
            if key.topic == request.get("topic") and request.get("partition") in {None, key.partition}:
                worker.spec = dataclasses.replace(worker.spec, topic_id=self._kafka.topic_id(key.topic))
                if worker.resume():
                    resumed.append(str(key))
        return {"resumed": resumed}

    def _start_those_who_are_due(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if self._drain is None and worker.next_start is not None and worker.next_start <= now:
                worker.start()

    def _enforce_deadline(self) -> None:
        if self._drain is None or not self._drain.passed() or self._forced:
            return
        for worker in self._workers:
            worker.cut_short |= worker.handle is not None
        self._forced = True
        self._kill_all()

    def _kill_all(self) -> None:
        for worker in self._workers:
            worker.kill()

    def _show(self) -> None:
        now = time.monotonic()
        if now >= self._next_show:
            self._next_show = now + 1.0
            self._stats.forget_all_but({pid for worker in self._workers for pid in worker.pids()})
            if self._options.show is not None:
                self._options.show(self.status())
        if self._notifier.watchdog_every and now >= self._next_sign:
            self._next_sign = now + self._notifier.watchdog_every
            self._notifier.alive(summary(self._workers))

    def status(self) -> PipelineStatus:
        """What `rtpipe status` and the live table show."""
        now = time.monotonic()
        return PipelineStatus(
            supervisor_pid=os.getpid(),
            uptime_seconds=round(now - self._started_at, 3),
            draining=self._drain is not None,
            partitions=tuple(status_of(worker, self._stats, now) for worker in self._workers),
            version=own_version(),
        )

    def _verdict(self) -> ExitCode:
        troubles = [worker.code for worker in self._workers if worker.code != ExitCode.DONE]
        dead = tell_the_end(self._workers)
        if cut_short := sum(worker.cut_short for worker in self._workers):
            text = "E_DRAIN_FORCED %d partitions after %.0f s; exiting 75"
            log.error(text, cut_short, self._options.drain_seconds, extra={"event": "drain_forced"})
            return ExitCode.TEMPORARY
        if self._forced:
            return ExitCode.TEMPORARY if self._drain and self._drain.passed() else ExitCode.FORCED
        done = ExitCode.DEAD_LETTERS if dead and self._options.fail_on_dead_letters else ExitCode.DONE
        return troubles[0] if troubles else done


def become_subreaper() -> None:
    """Let orphans of a killed forkserver or consumer come to us, who know and reap them, instead of to PID 1."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
