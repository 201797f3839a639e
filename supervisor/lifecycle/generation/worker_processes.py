"""What a generation needs of its processes; process_handle.py has the real ones."""

from __future__ import annotations

from typing import Protocol

from workers.contract.reports import Running
from workers.contract.schema_answers import SchemaAnswers


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
    """A consumer process and its writer."""

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

    def keep_pace(self, rows_per_second: float) -> None:
        """Say how many messages a second may be read."""

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
