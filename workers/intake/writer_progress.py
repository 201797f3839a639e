"""What a consumer knows of its writer: how far it has committed, what it waits for, and when it was heard last."""

from __future__ import annotations

import time
from collections import deque

from workers.contract.batch_figures import FiguresCount
from workers.contract.logged import Logged
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
        self.asks = False  #: for a schema, and reads no batch until it is answered
        self.limited_by: Limit | None = None  #: the last batch
        self._linger = linger
        self._size = size
        # Of each batch that the writer was given and has not committed yet: when its oldest message was produced.
        self._given: deque[int | None] = deque()
        self._messages = 0  # of these batches
        self._rows = self._dead = self._altered = 0
        self._figures = FiguresCount()
        self._waiting_for = ""
        self._heard_at = time.monotonic()

    @property
    def unwritten(self) -> int:
        """Batches that the writer was given and has not committed yet."""
        return len(self._given)

    def give(self, oldest: int | None, messages: int) -> None:
        """The writer was given a batch of so many; its oldest was produced then, in ms since 1970; None: not known."""
        self._given.append(oldest)
        self._messages += messages

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
            case Warned() | Logged():
                return report
        return None

    def _count(self, done: Committed) -> None:
        self.offset = done.offset
        self.batches += done.ends_batch
        self._rows += done.rows
        self._dead += done.dead
        self._altered += done.altered
        self._linger.note(done.seconds, done.cpu_seconds, done.messages)
        self._messages -= done.messages
        self._figures.add(done.phases, done.reasons, done.messages, done.deletes)
        self._figures.reconnected(done.reconnects)
        if done.ends_batch and self._given and (oldest := self._given.popleft()) is not None:
            self._figures.add_age(time.time() - oldest / 1000)
        self._size.note(done, self.unwritten)

    def silent(self, now: float) -> float:
        """Seconds since the writer was heard."""
        return now - self._heard_at

    def report(
        self,
        end_offset: int,
        queue_depth: int,
        *,
        backpressure: bool,
        oldest_read: int | None = None,
        slowed: bool = False,
        read: int = 0,
    ) -> Progress:
        """For the supervisor. `end_offset`: of the log as the consumer knows it, -1: not known yet. `oldest_read`: when
        the oldest message was produced that was read and not given to the writer. `slowed`: by its pace. `read`:
        messages that were read and not given to the writer.
        """
        end = end_offset if end_offset < 0 else max(end_offset, self.offset)
        return Progress(
            offset=self.offset,
            end_offset=end,
            rows=self._rows,
            dead=self._dead,
            batches=self.batches,
            queue_depth=queue_depth,
            backpressure=backpressure,
            waiting_for=self._waiting_for,
            altered=self._altered,
            limited_by=self.limited_by,
            oldest=self._given[0] if self._given else oldest_read,
            figures=self._figures.so_far(),
            slowed=slowed,
            buffered=max(0, self._messages + read),  # a drain gives without a word
        )
