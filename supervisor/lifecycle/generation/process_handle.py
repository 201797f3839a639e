"""The supervisor's view of the two processes of one generation: start, ask, kill, reap, read their stacks."""

from __future__ import annotations

import contextlib
import os
import signal
from multiprocessing import connection
from multiprocessing.context import ForkServerContext

from supervisor.lifecycle.generation.worker_context import bounded_start
from workers import launch
from workers.contract.death import DEATH_SECONDS
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Drain, Pace, Running
from workers.contract.schema_answers import SchemaAnswers, Sealed
from workers.contract.stacks_file import StacksFile

#: The forkserver's own code for "I do not know": it was killed while the worker may still run.
_FORKSERVER_GONE = 255
#: Seconds that a start may take: the first one waits for modules to load, and systemd for a sign of life within 30.
_START_SECONDS = 25.0
#: Seconds for which a writer may still write its stacks once its consumer is dead.
_STACKS_SECONDS = 2.0


class ProcessHandle:
    """A started consumer process and, once it has reported, its writer; known by pidfd, never by a bare number."""

    def __init__(self, spec: PartitionSpec, context: ForkServerContext) -> None:
        self.link, worker_end = context.Pipe(duplex=True)
        self._stacks_file = StacksFile()
        self._stacks: dict[str, str] = {}
        self._aborted = False
        self._process = context.Process(
            target=launch.run, args=(spec, worker_end, self._stacks_file), name=f"consumer {spec.key}", daemon=False
        )
        try:
            with bounded_start(_START_SECONDS):
                self._process.start()
            pid = self._process.pid
            if pid is None:
                raise ChildProcessError("a process was started and has no pid")
            self._pidfd = _pidfd(pid)
        except BaseException:
            self.link.close()  # should the process be there after all, this ends it
            self._stacks_file.close()
            raise
        finally:
            worker_end.close()
        self.pid = pid
        self.writer_pid: int | None = None
        self._writer_pidfd: int | None = None

    def death_sign(self) -> int:
        """A file descriptor that becomes readable when the consumer process is gone."""
        return self._process.sentinel if self._pidfd is None else self._pidfd

    def knows_writer(self, running: Running) -> None:
        """The consumer named its writer."""
        self.writer_pid = running.writer_pid
        self._writer_pidfd = _pidfd(running.writer_pid)

    def drain(self, seconds: float) -> None:
        """Ask for a clean end."""
        with contextlib.suppress(OSError):
            self.link.send(Drain(seconds))

    def keep_pace(self, rows_per_second: float) -> None:
        """Say how many messages a second may be read; 0: no limit."""
        with contextlib.suppress(OSError):
            self.link.send(Pace(rows_per_second))

    def answer(self, answers: SchemaAnswers) -> None:
        """Answer what its writer asked; a worker that is gone by now does not need it."""
        with contextlib.suppress(OSError):
            self.link.send(Sealed.of(answers))

    def kill(self) -> None:
        """SIGKILL both processes."""
        self._signal(signal.SIGKILL)

    def abort(self) -> None:
        """SIGABRT both processes: each writes its stacks and dies, if it still can."""
        self._aborted = True
        self._signal(signal.SIGABRT)

    def _signal(self, number: signal.Signals) -> None:
        for pidfd in (self._pidfd, self._writer_pidfd):
            if pidfd is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, number)

    def reap(self) -> int | None:
        """After the death: clean up and return the exit code, negative for a signal, None if nobody knows it.

        A writer that outlived its consumer is killed here: the row's lock must be free for the successor. One that was
        told to write its stacks gets a moment for it: on a busy machine its consumer may be dead before it.
        """
        if self._aborted and self._writer_pidfd is not None:
            connection.wait([self._writer_pidfd], _STACKS_SECONDS)
        self.kill()
        for pidfd in (self._pidfd, self._writer_pidfd):
            if pidfd is not None:
                # An orphaned writer is our child by now, and a zombie until it is collected.
                connection.wait([pidfd], DEATH_SECONDS)
        code = _collect(self._pidfd)
        _collect(self._writer_pidfd)
        if code is None:
            self._process.join(timeout=1)
            code = self._process.exitcode
        for pidfd in (self._pidfd, self._writer_pidfd):
            if pidfd is not None:
                os.close(pidfd)
        self.link.close()
        self._stacks = self._stacks_file.read()
        self._stacks_file.close()
        with contextlib.suppress(ValueError):  # the forkserver died with the news; the process itself is gone
            self._process.close()
        return None if code == _FORKSERVER_GONE else code

    def stacks(self) -> dict[str, str]:
        """After `reap`: what `consumer` and `writer` did when they crashed or were aborted, if they wrote it."""
        return self._stacks


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _collect(pidfd: int | None) -> int | None:
    """The exit code of a process that became our child when its parent died (we are a subreaper), else None."""
    if pidfd is None:
        return None
    try:
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
