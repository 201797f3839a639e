"""Gathers messages into batches bounded by rows, bytes and time; pure, runs in the consumer process."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from workers.batch_queue import Batch, Headers
from workers.packed_bytes import PackedBytes
from workers.partition_spec import Limits

if TYPE_CHECKING:
    from confluent_kafka import Message


def headers_of(message: Message) -> Headers | None:
    """All headers of a message; None if the client cannot give them, since a name is no UTF-8."""
    try:
        found: Any = message.headers()
    except (SystemError, UnicodeDecodeError):
        return None
    return list(found or ())


class BatchBuilder:
    """The batch being gathered: everything from the last one's end up to `next_offset`."""

    def __init__(self, limits: Limits, first: int, leader_epoch: int) -> None:
        self._limits = limits
        self._first = first
        self._leader_epoch = leader_epoch
        self._since: float | None = None
        self._empty()
        self.next_offset = first

    def add(self, message: Message, now: float) -> None:
        """Take one message; one that is already covered (a fetch that was repeated) is left out.

        The newest message's leader epoch is stored with the offset, to find a log that was truncated. It comes from
        messages alone: the end-of-partition event carries an epoch of its own, which is not the log's.
        """
        offset, value, key = message.offset(), message.value(), message.key()
        assert offset is not None
        if offset < self.next_offset:
            return
        headers = headers_of(message)
        if headers != []:
            self._headers[len(self._offsets)] = headers
            self._bytes += sum(len(name) + len(content or b"") for name, content in headers or ())
        self._offsets.append(offset)
        self._values.append(value)
        self._keys.append(key)
        self._timestamps.append(message.timestamp()[1])
        self._bytes += len(value or b"") + len(key or b"")
        epoch = message.leader_epoch()
        self._leader_epoch = self._leader_epoch if epoch is None else epoch
        self.next_offset = offset + 1
        self._since = now if self._since is None else self._since

    def reach(self, offset: int, now: float) -> None:
        """The log continues at `offset`: what lies between holds no message for us (markers, compaction)."""
        if offset > self.next_offset:
            self.next_offset = offset
            self._since = now if self._since is None else self._since

    @property
    def full(self) -> bool:
        """Rows or bytes have reached their bound."""
        return len(self._offsets) >= self._limits.batch_rows or self._bytes >= self._limits.batch_bytes

    def room(self) -> int:
        """Rows until full, at least one."""
        return max(1, self._limits.batch_rows - len(self._offsets))

    def lingers(self, now: float) -> float | None:
        """Seconds this batch may still wait for more, 0 if it is due, None if there is nothing to send."""
        if self._since is None:
            return None
        return 0.0 if self.full else max(0.0, self._since + self._limits.linger_seconds - now)

    def take(self) -> Batch:
        """The batch so far; the next one begins where it ends."""
        batch = Batch(
            first=self._first,
            next_offset=self.next_offset,
            leader_epoch=self._leader_epoch,
            offsets=self._offsets,
            values=self._values,
            keys=self._keys,
            timestamps=self._timestamps,
            headers=self._headers,
        )
        self._first = self.next_offset
        self._empty()
        return batch

    def _empty(self) -> None:
        self._offsets: list[int] = []
        self._values, self._keys = PackedBytes(), PackedBytes()
        self._timestamps = array("q")
        self._headers: dict[int, Headers | None] = {}
        self._bytes = 0
        self._since = None
