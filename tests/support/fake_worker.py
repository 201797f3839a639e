"""A worker's order, and a process that never was."""

from __future__ import annotations

from typing import ClassVar

from tests.support.specs import default_spec
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Running

SPEC = default_spec(PartitionKey("orders", 0), topic_id="t", cluster_id="c", armed="writer:begin")


class FakeHandle:
    """A process that never was: `reports` is what it said, `code` how it ended."""

    made: ClassVar[list[FakeHandle]] = []

    def __init__(self, spec: PartitionSpec, _context: object) -> None:
        self.spec = spec
        self.pid, self.writer_pid = 100 + len(self.made), None
        self.reports: list[object] = []
        self.drained: list[float] = []
        self.code: int | None = 0
        self.link = self
        self.closed = False
        self.made.append(self)

    def poll(self) -> bool:
        return bool(self.reports)

    def recv(self) -> object:
        return self.reports.pop(0)

    def close(self) -> None:
        self.closed = True

    def knows_writer(self, running: Running) -> None:
        self.writer_pid = running.writer_pid  # type: ignore[assignment]

    def drain(self, seconds: float) -> None:
        self.drained.append(seconds)

    def kill(self) -> None:
        self.code = -9

    def reap(self) -> int | None:
        return self.code
