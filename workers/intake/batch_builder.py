"""Gathers messages into batches bounded by rows, bytes and time; pure, runs in the consumer process."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import add, lt
from typing import TYPE_CHECKING, Any

from workers.contract.batch import Batch, Headers
from workers.contract.packed_bytes import PackedBytes
from workers.contract.partition_spec import Limits
from workers.contract.reports import Limit
from workers.intake.batch_rows import BatchRows
from workers.intake.linger import Linger

if TYPE_CHECKING:
    from confluent_kafka import Message

_NAMELESS = object()


def headers_of(messages: Sequence[Message]) -> dict[int, Headers | None]:
    """Headers of the messages that have any, by index; None if the client cannot give them, since a name is no UTF-8.

    Asked once for each message: after a failure the client's answer is a crash.
    """
    answers: list[Any] = []
    unasked = iter(messages)
    while len(answers) < len(messages):
        try:
            answers.extend(map(type(messages[0]).headers, unasked))  # those before a failure stay
        except (SystemError, UnicodeDecodeError):
            answers.append(_NAMELESS)
    if not any(answers):
        return {}
    return {at: None if found is _NAMELESS else found for at, found in enumerate(answers) if found}


def _sizes(
    values: Sequence[bytes | None], keys: Sequence[bytes | None], headers: Mapping[int, Headers | None]
) -> list[int]:
    """Bytes of each message."""
    sizes = _lengths(values)
    if any(keys):
        sizes = list(map(add, sizes, _lengths(keys)))
    for at, found in headers.items():
        sizes[at] += sum(len(name) + len(content or b"") for name, content in found or ())
    return sizes


def _lengths(some: Sequence[bytes | None]) -> list[int]:
    try:
        return list(map(len, some))  # type: ignore[arg-type]  # None has no length, and is rare
    except TypeError:
        return [len(one or b"") for one in some]


def _joined(first: Sequence[int], more: Sequence[int]) -> Sequence[int]:
    """All offsets: as a range while none is missing."""
    if not first:
        return more
    if isinstance(first, range) and isinstance(more, range) and first.stop == more.start:
        return range(first.start, more.stop)
    return [*first, *more]


class BatchBuilder:
    """The batch being gathered: everything from the last one's end up to `next_offset`."""

    _offsets: Sequence[int]

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
        self._linger = linger or Linger(limits.linger_seconds)
        self._size = size or BatchRows(limits.batch_rows)
        self._first = first
        self._leader_epoch = leader_epoch
        self._since: float | None = None
        self._bytes = 0
        self._empty()
        self.next_offset = first
        self.limited_by: Limit | None = None  #: the batch that was taken last

    def add(self, messages: Sequence[Message], now: float) -> list[Batch]:
        """Take messages; gives the batches that they filled, but for the last one, which is not taken yet.

        Column by column, since a turn for each message would cost as much as librdkafka does. A message that is already
        covered (a fetch that was repeated) is left out.
        """
        messages, offsets = self._fresh(messages)
        if not messages:
            return []
        kind = type(messages[0])  # whose methods are called in C: a loop here would cost as much as the answers
        values, keys = list(map(kind.value, messages)), list(map(kind.key, messages))
        times = [time for _, time in map(kind.timestamp, messages)]
        headers = headers_of(messages)
        sizes = _sizes(values, keys, headers)
        filled, start = list[Batch](), 0
        while start < len(messages):
            if self.full:
                filled.append(self.take())
            stop = start + self._count(sizes[start : start + self.room()])
            self._headers |= {
                len(self._offsets) + at - start: found for at, found in headers.items() if start <= at < stop
            }
            self._offsets = _joined(self._offsets, offsets[start:stop])
            self._values.extend(values[start:stop])
            self._keys.extend(keys[start:stop])
            self._timestamps += array("q", times[start:stop])
            self._bytes += sum(sizes[start:stop])
            self._moved(messages[stop - 1], now)
            start = stop
        return filled

    def _count(self, sizes: Sequence[int]) -> int:
        """How many messages of these sizes there is room for: those before which the bytes are below their bound."""
        if self._bytes + sum(sizes) < self._limits.batch_bytes:  # as nearly always: one sum, no list
            return len(sizes)
        before = accumulate(sizes, initial=self._bytes)
        return bisect_left(list(before)[:-1], self._limits.batch_bytes)

    def _moved(self, newest: Message, now: float) -> None:
        """The newest message's leader epoch is stored with the offset, to find a log that was truncated.

        It comes from messages alone: the end-of-partition event carries an epoch of its own, which is not the log's.
        """
        epoch = newest.leader_epoch()
        self._leader_epoch = self._leader_epoch if epoch is None else epoch
        self.next_offset = self._offsets[-1] + 1
        self._since = now if self._since is None else self._since

    def _fresh(self, messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[int]]:
        """The messages that are not covered yet, and their offsets."""
        offsets: list[Any] = list(map(type(messages[0]).offset, messages)) if messages else []
        if offsets and offsets[0] >= self.next_offset:
            whole = range(offsets[0], offsets[0] + len(offsets))
            if offsets == list(whole):  # as nearly always
                return messages, whole
        if not offsets or (offsets[0] >= self.next_offset and all(map(lt, offsets, offsets[1:]))):
            return messages, offsets
        fresh: dict[int, Message] = {}
        reached = self.next_offset
        for offset, message in zip(offsets, messages, strict=True):
            if offset >= reached:
                fresh[offset], reached = message, offset + 1
        return list(fresh.values()), list(fresh)

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
        if self._bytes >= self._limits.batch_bytes:
            return "bytes"
        return "rows" if len(self._offsets) >= self._size.rows else "linger"

    def room(self) -> int:
        """Rows until full, at least one."""
        return max(1, self._size.rows - len(self._offsets))

    def lingers(self, now: float) -> float | None:
        """Seconds this batch may still wait for more, 0 if it is due, None if there is nothing to send."""
        if self._since is None:
            return None
        return 0.0 if self.full else max(0.0, self._since + self._linger.seconds - now)

    def take(self, limit: Limit | None = None) -> Batch:
        """The batch so far, ended by its own limits or by `limit`; the next one begins where it ends."""
        self.limited_by = limit or self._limit()
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
        self._offsets = range(0)
        self._values, self._keys = PackedBytes(), PackedBytes()
        self._timestamps = array("q")
        self._headers: dict[int, Headers | None] = {}
        self._bytes = 0
        self._since = None
