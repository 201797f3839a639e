"""The messages of a partition on their way from consumer to writer, as Kafka gave them: plain and frozen."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workers.contract.packed_bytes import PackedBytes, PackedContent

#: Names with their values. Kafka allows a name several times, and a value that is null.
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one partition in offset order, covering `first` <= offset < `next_offset` without a gap.

    The lists are parallel: a message has the same index in each of them. They may be shorter than the range
    (compaction, transaction markers), even empty: then only the offset moves.
    """

    first: int
    next_offset: int
    leader_epoch: int  #: of the newest message, -1: not known
    offsets: Sequence[int]  #: a range where none is missing
    values: PackedBytes
    keys: PackedBytes
    timestamps: array[int]  #: milliseconds since 1970, -1: none
    headers: dict[int, Headers | None]  #: by index, of the messages that have any; None: a name that is not UTF-8

    def __reduce__(self) -> tuple[Any, ...]:
        """As bytes and numbers: most batches are of a few messages, for which objects take many times as long."""
        offsets = self.offsets
        return _unpickled, (
            (self.first, self.next_offset, self.leader_epoch),
            (offsets.start, offsets.stop) if isinstance(offsets, range) else list(offsets),
            (self.values.content, self.keys.content),
            self.timestamps.tobytes(),
            self.headers,
        )

    @property
    def size(self) -> int:
        """Bytes of the messages, but for their headers."""
        return self.values.size + self.keys.size

    @property
    def oldest(self) -> int | None:
        """When its first message was produced, in milliseconds since 1970; None if it has none, or nobody knows."""
        return self.timestamps[0] if self.timestamps and self.timestamps[0] >= 0 else None

    def part(self, start: int, stop: int) -> Batch:
        """Messages [start, stop), still covering their range without a gap."""
        return Batch(
            first=self.first if start == 0 else self.offsets[start],
            next_offset=self.next_offset if stop == len(self.offsets) else self.offsets[stop],
            leader_epoch=self.leader_epoch,
            offsets=self.offsets[start:stop],
            values=self.values.part(start, stop),
            keys=self.keys.part(start, stop),
            timestamps=self.timestamps[start:stop],
            headers={at - start: found for at, found in self.headers.items() if start <= at < stop},
        )


def _unpickled(
    covered: tuple[int, int, int],
    offsets: tuple[int, int] | list[int],
    packed: tuple[PackedContent, PackedContent],
    timestamps: bytes,
    headers: dict[int, Headers | None],
) -> Batch:
    whole = range(*offsets) if isinstance(offsets, tuple) else offsets
    values, keys = map(PackedBytes.of, packed)
    return Batch(*covered, whole, values, keys, array("q", timestamps), headers)
