"""One lifetime of a consumer, its queue and its writer: what they said, what was asked of them, how they ended.

Made when the processes are started, and thrown away with them. What lasts is in SupervisedWorker.
"""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.lifecycle.generation.generation_end import GenerationEnd
from supervisor.lifecycle.generation.last_reports import LastReports
from supervisor.lifecycle.generation.watchdog import Watchdog
from supervisor.lifecycle.generation.worker_processes import WorkerProcesses
from workers.contract.death import Death
from workers.contract.reports import Ended, Running


class Generation:
    """The processes that run now, as the supervisor knows them."""

    def __init__(self, processes: WorkerProcesses, now: float) -> None:
        """`now`: when they were started, in monotonic seconds."""
        self.processes = processes
        self.said = LastReports()
        self.watchdog = Watchdog(processes, now)
        self._halted_for: Ended | None = None
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
        self.watchdog.hear(report, now)
        if isinstance(report, Running):
            self.processes.knows_writer(report)
        self.said.note(report)

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

    def end(self) -> GenerationEnd:
        """After the death of its consumer, and after its last reports: clean up, and tell all that is known."""
        pid, code = self.processes.pid, self.processes.reap()
        ended = self._halted_for or self.said.last_words
        death = (ended.death if ended else None) or Death("consumer", code, pid)
        stacks = self.processes.stacks()
        return GenerationEnd(
            death=death,
            ended=ended,
            stacks=stacks,
            stuck=self.watchdog.stuck,
            arrived=self._arrived,
            killed=self._killed,
            offset=self.said.offset,
            epoch=self.said.running.epoch if self.said.running else None,
        )

    def pids(self) -> list[int]:
        """Consumer and writer, as far as they are known."""
        return [pid for pid in (self.processes.pid, self.processes.writer_pid) if pid is not None]
