"""Gathers messages into batches bounded by rows, bytes and time; pure, runs in the consumer process."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from workers.contract.batch import Batch
from workers.contract.partition_spec import Limits
from workers.contract.reports import Limit
from workers.intake.batch_rows import BatchRows
from workers.intake.gathered_messages import GatheredMessages
from workers.intake.linger import Linger
from workers.intake.message_columns import columns_of, fresh

if TYPE_CHECKING:
    from confluent_kafka import Message


class BatchBuilder:
    """The batch being gathered: everything from the last one's end up to `next_offset`."""

    def __init__(
        self,
        limits: Limits,
        first: int,
        leader_epoch: int,
        linger: Linger | None = None,
        size: BatchRows | None = None,
    ) -> None:
        """`linger` and `size` say when a batch is due and when it is full; those of the limits are the default."""
        self._limits = limits
        self._linger = linger or Linger(limits.linger_seconds, limits.cpu_share)
        self._size = size or BatchRows(limits.batch_rows)
        self._first = first
        self._leader_epoch = leader_epoch
        self._since: float | None = None
        self._gathered = GatheredMessages()
        self._mean = 1  # bytes of a message that was polled last
        self.next_offset = first
        self.limited_by: Limit | None = None  #: the batch that was taken last

    def add(self, messages: Sequence[Message], now: float, since: float | None = None) -> list[Batch]:
        """Take messages; gives the batches that they filled, but for the last one, which is not taken yet.

        A message that is already covered is left out. `since`: when the first may have come, if that was before now.
        """
        messages, offsets = fresh(messages, self.next_offset)
        if not messages:
            return []
        polled = columns_of(messages, offsets)
        self._mean = max(1, sum(polled.sizes) // len(polled.sizes))
        filled, start = list[Batch](), 0
        while start < len(messages):
            if self.full:
                filled.append(self.take(now))
            stop = start + self._count(polled.sizes[start : start + self._rows_left()])
            self._gathered.extend(polled, start, stop)
            self._moved(messages[stop - 1], now if since is None else since)
            start = stop
        return filled

    def _count(self, sizes: Sequence[int]) -> int:
        """How many messages of these sizes there is room for: those before which the bytes are below their bound."""
        if self._gathered.size + sum(sizes) < self._limits.batch_bytes:  # as nearly always: one sum, no list
            return len(sizes)
        before = accumulate(sizes, initial=self._gathered.size)
        return bisect_left(list(before)[:-1], self._limits.batch_bytes)

    def _moved(self, newest: Message, since: float) -> None:
        """The newest message's leader epoch is stored with the offset, to find a log that was truncated.

        It comes from messages alone: the end-of-partition event carries an epoch of its own, which is not the log's.
        """
        epoch = newest.leader_epoch()
        self._leader_epoch = self._leader_epoch if epoch is None else epoch
        self.next_offset = self._gathered.offsets[-1] + 1
        self._since = since if self._since is None else self._since

    def reach(self, offset: int, now: float) -> None:
        """The log continues at `offset`: what lies between holds no message for us (markers, compaction)."""
        if offset > self.next_offset:
            self.next_offset = offset
            self._since = now if self._since is None else self._since

    @property
    def full(self) -> bool:
        """Rows or bytes have reached their bound."""
        return self._limit() != "linger"

    def _limit(self) -> Limit:
        if self._gathered.size >= self._limits.batch_bytes:
            return "bytes"
        return "rows" if len(self._gathered.offsets) >= self._size.rows else "linger"

    @property
    def oldest(self) -> int | None:
        """When the first message was produced, in milliseconds since 1970; None if there is none, or nobody knows."""
        return self._gathered.oldest

    @property
    def count(self) -> int:
        """Messages so far."""
        return len(self._gathered.offsets)

    def room(self) -> int:
        """Messages until full, at least one: of large ones fewer, or a poll of them would be many batches at once."""
        bytes_left = self._limits.batch_bytes - self._gathered.size
        return max(1, min(self._rows_left(), bytes_left // self._mean + 1))

    def _rows_left(self) -> int:
        return max(1, self._size.rows - len(self._gathered.offsets))

    def lingers(self, now: float) -> float | None:
        """Seconds this batch may still wait for more, 0 if it is due, None if there is nothing to send."""
        if self._since is None:
            return None
        return 0.0 if self.full else max(0.0, self._linger.due(self._since) - now)

    def gathers(self, now: float) -> float:
        """Seconds in which no batch is due but a full one, whatever comes."""
        return max(0.0, self._linger.next_due - now)

    def take(self, now: float, limit: Limit | None = None) -> Batch:
        """The batch so far, ended by its own limits or by `limit`; the next one begins where it ends."""
        self._linger.end(now)
        self.limited_by = limit or self._limit()
        batch = self._gathered.batch(self._first, self.next_offset, self._leader_epoch)
        self._first = self.next_offset
        self._gathered = GatheredMessages()
        self._since = None
        return batch
