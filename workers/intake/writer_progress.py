"""What a consumer knows of its writer: how far it has committed, what it waits for, and when it was heard last."""

from __future__ import annotations

import time

from workers.contract.reports import Claimed, Committed, Limit, Progress, SchemaWanted, Waiting, Warned
from workers.intake.batch_rows import BatchRows
from workers.intake.linger import Linger


class WriterProgress:
    """Of one generation, by the writer's reports."""

    def __init__(self, linger: Linger, size: BatchRows) -> None:
        """`linger` and `size` learn what batches cost."""
        self.claimed: Claimed | None = None  #: once the writer owns the partition
        self.offset = 0  #: next to consume by kafka_offsets
        self.batches = 0  #: committed
        self.unwritten = 0  #: batches that the writer was given and has not committed yet
        self.asks = False  #: for a schema, and reads no batch until it is answered
        self.limited_by: Limit | None = None  #: the last batch
        self._linger = linger
        self._size = size
        self._rows = self._dead = self._altered = 0
        self._waiting_for = ""
        self._heard_at = time.monotonic()

    def take(self, report: object) -> object | None:
        """Note what the writer says. Returns what the supervisor has to hear of it as it is, or None."""
        self._heard_at = time.monotonic()
        match report:
            case Claimed():
                self.claimed = report
                self.offset = report.position.offset
            case Committed():
                self._count(report)
            case Waiting():
                self._waiting_for = report.reason
                return report if self.claimed is None else None  # Progress, which says it too, begins with the claim
            case SchemaWanted():
                self.asks = True
                return report
            case Warned():
                return report
        return None

    def _count(self, done: Committed) -> None:
        self.offset = done.offset
        self.batches += done.ends_batch
        self.unwritten -= done.ends_batch
        self._rows += done.rows
        self._dead += done.dead
        self._altered += done.altered
        self._linger.note(done.seconds, done.cpu_seconds, done.messages)
        self._size.note(done, self.unwritten)

    def silent(self, now: float) -> float:
        """Seconds since the writer was heard."""
        return now - self._heard_at

    def report(self, end_offset: int, queue_depth: int, *, backpressure: bool) -> Progress:
        """For the supervisor. `end_offset`: of the log as the consumer knows it, -1: not known yet."""
        end = end_offset if end_offset < 0 else max(end_offset, self.offset)
        counts = self._rows, self._dead, self.batches
        more = self._waiting_for, self._altered, self.limited_by
        return Progress(self.offset, end, *counts, queue_depth, backpressure, *more)
