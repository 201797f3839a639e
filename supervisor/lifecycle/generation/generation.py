"""One lifetime of a consumer, its queue and its writer: what they said, what was asked of them, how they ended.

Made when the processes are started, and thrown away with them. What lasts is in SupervisedWorker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from supervisor.lifecycle.generation.heartbeat import Heartbeat, HeartbeatLimits, Silence
from workers.contract.death import Death
from workers.contract.reports import WORKER_DIED, Alive, Ended, Progress, Running, Waiting
from workers.contract.schema_answers import SchemaAnswers

#: Seconds between SIGABRT and SIGKILL.
_ABORT_GRACE = 2.0


class ReportLink(Protocol):
    """The supervisor's end of the pipe to a consumer process."""

    @property
    def closed(self) -> bool:
        """Whether it is closed."""

    def poll(self) -> bool:
        """Whether there is a report, or the end of the file."""

    def recv(self) -> object:
        """The next report. Raises EOFError after the last one, or OSError."""

    def close(self) -> None:
        """Close it."""

    def fileno(self) -> int:
        """What to wait for."""


class WorkerProcesses(Protocol):
    """What a generation needs of its processes; ProcessHandle is the real one."""

    @property
    def link(self) -> ReportLink:
        """Where the consumer's reports come from."""

    @property
    def pid(self) -> int:
        """The consumer's."""

    @property
    def writer_pid(self) -> int | None:
        """The writer's, once the consumer has said it."""

    def death_sign(self) -> int:
        """A file descriptor that is readable once the consumer process is gone."""

    def knows_writer(self, running: Running) -> None:
        """The consumer named its writer."""

    def drain(self, seconds: float) -> None:
        """Ask for a clean end."""

    def answer(self, answers: SchemaAnswers) -> None:
        """Answer what the writer asked."""

    def kill(self) -> None:
        """SIGKILL both."""

    def abort(self) -> None:
        """SIGABRT both."""

    def reap(self) -> int | None:
        """After the death: clean up; the consumer's exit code."""

    def stacks(self) -> dict[str, str]:
        """After `reap`: the stacks that processes wrote, by process."""


@dataclass(frozen=True, slots=True)
class GenerationEnd:
    """All that is known of a generation that has ended."""

    death: Death  #: of the process that died first
    ended: Ended | None  #: the supervisor's reason to end it, else the worker's last words, if it had any
    stacks: dict[str, str] = field(default_factory=dict)  #: by process
    stuck: Silence | None = None  #: the supervisor ended it, since it said nothing
    arrived: bool = False  #: it was asked to drain, since all that the run wants is committed
    killed: bool = False  #: it was killed on purpose

    @property
    def reason(self) -> str:
        """Why it ended, in words, without topic and partition."""
        if self.stuck is not None:
            return f"stuck: {self.stuck}"
        if self.ended is None or self.ended.name == WORKER_DIED:
            return str(self.death)
        return f"{self.death}: {self.ended.text}"


class Generation:
    """The processes that run now, as the supervisor knows them."""

    def __init__(self, processes: WorkerProcesses, now: float) -> None:
        """`now`: when they were started, in monotonic seconds."""
        self.processes = processes
        self.heartbeat = Heartbeat(now)
        self.running: Running | None = None
        self.progress: Progress | None = None
        self.waiting_for = ""  #: the service that it waits for, and why
        self._last_words: Ended | None = None
        self._halted_for: Ended | None = None
        self._stuck: Silence | None = None
        self._aborted_at = 0.0
        self._arrived = self._killed = False

    def reports(self) -> Iterator[object]:
        """What the consumer process reported since the last call; the end of the file is for its death to explain."""
        link = self.processes.link
        try:
            while not link.closed and link.poll():
                yield link.recv()
        except (EOFError, OSError):
            link.close()

    def note(self, report: object, now: float) -> None:
        """Remember what was said."""
        self.heartbeat.beat(now)
        match report:
            case Alive():
                self.heartbeat.writer_is_silent(report.writer_silent)
            case Waiting():
                self.waiting_for = report.reason
            case Running():
                self.processes.knows_writer(report)
                self.running, self.waiting_for = report, ""
            case Progress():
                self.progress, self.waiting_for = report, report.waiting_for
            case Ended():
                self._last_words = report

    @property
    def end_offset(self) -> int | None:
        """Where the log ends, once its consumer has reached the log."""
        return self.progress.end_offset if self.progress and self.progress.end_offset >= 0 else None

    def drain(self, seconds: float, *, arrived: bool = False) -> None:
        """Ask for a clean end. `arrived`: all that the run wants is committed."""
        self._arrived = arrived
        self.processes.drain(seconds)

    def kill(self) -> None:
        """End it at once; its death is then no surprise."""
        self._killed = True
        self.processes.kill()

    def halt(self, why: Ended) -> None:
        """End it at once for a reason that the worker does not know."""
        self._halted_for = why
        self.processes.kill()

    def check_heartbeat(self, now: float, limits: HeartbeatLimits) -> Silence | None:
        """End it if a process is stuck: SIGABRT for its stacks, then SIGKILL. The silence is returned once."""
        if self._stuck is not None:
            if now - self._aborted_at > _ABORT_GRACE:
                self.processes.kill()
            return None
        self._stuck, self._aborted_at = self.heartbeat.silence(now, limits), now
        if self._stuck is not None:
            self.processes.abort()
        return self._stuck

    def end(self) -> GenerationEnd:
        """After the death of its consumer, and after its last reports: clean up, and tell all that is known."""
        pid, code = self.processes.pid, self.processes.reap()
        ended = self._halted_for or self._last_words
        death = (ended.death if ended else None) or Death("consumer", code, pid)
        stacks = self.processes.stacks()
        return GenerationEnd(death, ended, stacks, self._stuck, self._arrived, self._killed)

    def pids(self) -> list[int]:
        """Consumer and writer, as far as they are known."""
        return [pid for pid in (self.processes.pid, self.processes.writer_pid) if pid is not None]
