"""One partition in the supervisor's eyes: its state, its process if there is one, its history."""

from __future__ import annotations

import dataclasses
import random
import time
from multiprocessing.context import ForkServerContext

from rtpipe.errors import ExitCode
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor.process_handle import ProcessHandle, describe_exit
from supervisor.restart_policy import RestartPolicy
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.status.log_end import LogEnd
from supervisor.status.rate_meter import RateMeter
from supervisor.worker_state import State, move
from workers.contract import reports
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import DRAIN_FORCED, NOTHING_YET, Ended, Progress, Running

log = get_logger("supervisor")

#: Ends that starting again cannot mend.
_HALTING = frozenset(
    {
        ExitCode.USAGE,
        ExitCode.SCHEMA_REFUSED,
        ExitCode.BAD_DATA,
        ExitCode.OFFSET_GONE,
        ExitCode.TOPIC_CHANGED,
        ExitCode.ACCESS_DENIED,
        ExitCode.BAD_SETUP,
        ExitCode.FENCED,
    }
)
#: Seconds until a worker starts again that left for a passing trouble; such an end is not counted.
_TEMPORARY_PAUSES = PausePolicy(first=1.0, longest=1.0, jitter=0.2)
#: Seconds that a writer gets, after the driver gave up on a silent server, to say so.
_DRIVER_GRACE = 5.0
#: Seconds between SIGABRT and SIGKILL.
_ABORT_GRACE = 2.0


class SupervisedWorker:
    """Starts, hears and buries the generations of one partition's worker."""

    def __init__(
        self, spec: PartitionSpec, policy: RestartPolicy, context: ForkServerContext, desk: SchemaRequests
    ) -> None:
        self.spec = spec
        self.state = State.STOPPED
        self.reason = ""
        self.warning = ""  #: what a person should mend though it runs, also if a former generation said so
        self.code = ExitCode.DONE  #: what its last generation ended with, if that matters for the command's own code
        self.handle: ProcessHandle | None = None
        self.next_start: float | None = None
        self.restarts = 0
        self.cut_short = False  #: its drain missed the deadline
        self.offset: int | None = None  #: next to consume by kafka_offsets, as last reported
        self.end_offset: int | None = None  #: as its consumer saw it, which has then reached the log
        self.log = LogEnd(time.monotonic())
        self.running: Running | None = None
        self.progress: Progress | None = None
        self.rate = RateMeter()
        self.waits_since = 0.0
        self.rows = self.dead = self.altered = 0
        self._policy = policy
        self._context = context
        self._requests = desk
        self._deaths: list[float] = []
        self._ended: Ended | None = None
        self._heard_at = 0.0
        self._writer_silent = 0.0
        self._aborted_at: float | None = None
        self._arrived = self._killed = False

    def __str__(self) -> str:
        return str(self.spec.key)

    def _move(self, new: State, reason: str = "") -> None:
        self.state, self.reason = move(self.state, new), reason

    def begin(self, why: str = "asked where its log begins") -> None:
        """Start it, or let it wait until somebody knows where its log begins."""
        if self.spec.first_offset >= 0:
            self.start()
        else:
            self._move(State.WAITING, why)
            self.waits_since = time.monotonic()

    def begin_at(self, first_offset: int) -> None:
        """What it waited for: its log begins at this offset."""
        self.spec = dataclasses.replace(self.spec, first_offset=first_offset)
        self.start()

    def start(self) -> None:
        """A new generation: new processes, new queue, new epoch."""
        self._move(State.STARTING)
        self.next_start, self.code = None, ExitCode.DONE
        self.running = self.progress = self._ended = self._aborted_at = None
        self._writer_silent = 0.0
        try:
            self.handle = ProcessHandle(self.spec.renewed(), self._context)
            self._heard_at = time.monotonic()  # a start that waits for a new forkserver takes its time
        except (EOFError, OSError) as exc:  # the forkserver was killed over it; the next start makes a new one
            why = getattr(exc, "strerror", "") or "the process that starts workers ended"
            self._move(State.BACKOFF, f"no process could be started: {why}")
            self.next_start = time.monotonic() + _TEMPORARY_PAUSES.seconds(1, random.random())
            log.warning("%s: %s", self, self.reason, extra=self._extra("worker_not_started"))
            return
        self.spec = dataclasses.replace(self.spec, armed="")  # a kill point is for one death

    def hear(self) -> None:
        """Take what the consumer process reported; an end of file is left for its death to explain."""
        assert self.handle is not None
        try:
            while self.handle.link.poll():
                self._note(self.handle.link.recv())
        except (EOFError, OSError):
            self.handle.link.close()

    def _note(self, report: object) -> None:
        self._heard_at = time.monotonic()
        match report:
            case reports.Alive():
                self._writer_silent = report.writer_silent
            case reports.SchemaWanted():
                assert self.handle is not None
                self._requests.ask(self.spec, report, reply=self.handle.answer)
            case reports.Waiting():
                self.reason = report.reason
            case reports.Running():
                assert self.handle is not None
                self.handle.knows_writer(report)
                self.running = report
                self.spec = dataclasses.replace(self.spec, known=True, last_epoch=report.epoch)
                self.offset = report.offset
                if self.state is State.STARTING:
                    self._move(State.RUNNING)
                facts = report.offset, report.epoch, self.handle.pid, report.writer_pid
                text = "running from offset %d, epoch %d, pid %d, writer %d"
                log.info(text, *facts, extra=self._extra("worker_running"))
            case reports.Progress():
                self._progressed(report)
            case reports.Warned():
                self.warning = report.text
            case reports.Ended():
                self._ended = report

    def _progressed(self, report: Progress) -> None:
        if report.batches or report.offset == report.end_offset:
            self._deaths.clear()  # it commits, or has nothing left to do: its crashes are forgiven
        before = self.progress or NOTHING_YET
        self.rows += report.rows - before.rows
        self.dead += report.dead - before.dead
        self.altered += report.altered - before.altered
        self.offset = report.offset
        if report.end_offset >= 0 and report.end_offset != self.end_offset:
            self.end_offset = report.end_offset
            self.log.grew(report.end_offset, self._heard_at)
        self.progress = report
        self.rate.add(time.monotonic(), self.rows + self.dead)

    def drain(self, seconds: float, *, arrived: bool = False) -> None:
        """Ask for a clean end; a worker that has no process is at its end already. `arrived`: all is committed."""
        self.next_start = None
        if self.handle is None:
            if self.state not in {State.STOPPED, State.HALTED}:
                self._move(State.STOPPED)
        elif self.state is not State.STOPPING:
            self._move(State.STOPPING)
            self._arrived = arrived
            self.handle.drain(seconds)

    def kill(self) -> None:
        """End it at once; its death is then no surprise."""
        if self.handle is not None:
            self.drain(0)
            self._killed = True
            self.handle.kill()

    def check_heartbeat(self, now: float, limit: float, in_driver: float) -> None:
        """Replace a worker of which nothing was heard for `limit` seconds: SIGABRT for its stacks, then SIGKILL.

        A writer that waits for a silent server says nothing for `in_driver` seconds, and is not stuck.
        """
        if self.handle is None:
            return
        if self._aborted_at is not None:
            if now - self._aborted_at > _ABORT_GRACE:
                self.handle.kill()
            return
        who, silent = "consumer", now - self._heard_at
        if silent <= limit:
            who, silent, limit = "writer", self._writer_silent, max(limit, in_driver + _DRIVER_GRACE)
        if silent > limit:
            self._aborted_at = now
            text = "E_STUCK %s no heartbeat of its %s for %.0f s; SIGABRT"
            log.error(text, self, who, silent, extra=self._extra("worker_stuck"))
            self.handle.abort()

    def halt(self, ended: Ended) -> None:
        """Stop it for a reason that the supervisor found; only a person starts it again."""
        if self.handle is not None:
            self._ended = ended
            self.handle.kill()
        elif self.state in {State.BACKOFF, State.QUARANTINED, State.WAITING}:
            self.next_start = None
            self._halt(ended)

    def resume(self) -> bool:
        """Start it again if it is halted or waits for its next try, whoever has it by now; False if it is not."""
        if self.handle is not None or self.state in {State.STOPPED, State.WAITING}:
            return False
        self._deaths.clear()
        self.spec = dataclasses.replace(self.spec, last_epoch=-1)
        self.begin()
        return True

    def cancel(self) -> None:
        """Its consumer process is gone: say why, decide what comes next."""
        assert self.handle is not None
        verdict = self._ended  # of the supervisor itself, which a last word of the worker must not replace
        if not self.handle.link.closed:
            self.hear()
        pid, code = self.handle.pid, self.handle.reap()
        self.handle = None
        ended, self._ended = verdict or self._ended, None
        if ended is not None and (ended.lasting or ended.code in _HALTING):
            self._halt(ended)
        elif self.state is State.STOPPING:
            self._stop(code, ended)
        elif ended is not None and ended.code == ExitCode.TEMPORARY:
            self._move(State.BACKOFF, ended.text)
            self.next_start = time.monotonic() + _TEMPORARY_PAUSES.seconds(1, random.random())
            log.warning("%s: %s", ended.name, ended.text, extra=self._extra("worker_left"))
        else:
            self._restart(pid, code, ended)
        self.running = self.progress = None

    def _stop(self, code: int | None, ended: Ended | None) -> None:
        """It was told to drain. Killed over it, it lost nothing; another run does what it had not committed."""
        if not self._killed and (ended is None or ended.name == "E_WORKER_DIED"):
            why = ended.text if ended else f"{self} {describe_exit(code)}"
            text = f"{why} while it drained; what it had not committed is still in Kafka"
            ended = None if self._arrived else Ended(ExitCode.TEMPORARY, "E_WORKER_DIED", text)
        if ended is not None and ended.code != ExitCode.DONE:
            self.code = ended.code
            self.cut_short = ended.name == DRAIN_FORCED
            log.error("%s %s", ended.name, ended.text, extra=self._extra("worker_left"))
        self._move(State.STOPPED)

    def _halt(self, ended: Ended) -> None:
        self.code = ended.code
        self._move(State.HALTED, ended.text)
        log.error("%s %s; exiting %d", ended.name, ended.text, ended.code, extra=self._extra("worker_halted"))

    def _restart(self, pid: int, code: int | None, ended: Ended | None) -> None:
        now = time.monotonic()
        self._deaths.append(now)
        self.restarts += 1
        verdict = self._policy.next_start(self._deaths, now, random.random())
        self.next_start = verdict.at
        why = ended.text if ended else describe_exit(code)
        self._move(State.QUARANTINED if verdict.quarantined else State.BACKOFF, why)
        log.warning(
            "E_WORKER_DIED %s pid=%d %s; restart in %.1f s (deaths %d/%d in %.0f s)%s",
            self,
            pid,
            describe_exit(code),
            verdict.at - now,
            len(self._deaths),
            self._policy.budget,
            self._policy.window,
            f": {ended.text}" if ended else "",
            extra=self._extra("worker_died"),
        )
        if verdict.quarantined:
            log.error(
                "E_QUARANTINED %s %d deaths in %.0f s",
                self,
                self._policy.budget,
                self._policy.window,
                extra=self._extra("worker_quarantined"),
            )

    def _extra(self, event: str) -> dict[str, str]:
        return {"event": event, "partition": str(self)}

    def pids(self) -> list[int]:
        """Consumer and writer, as far as they are known."""
        if self.handle is None:
            return []
        return [pid for pid in (self.handle.pid, self.handle.writer_pid) if pid is not None]
