"""The messages of the batch being gathered; pure."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from workers.contract.batch import Batch, Headers
from workers.contract.packed_bytes import PackedBytes
from workers.intake.message_columns import MessageColumns


class GatheredMessages:
    """Columns that grow, until a batch is made of them."""

    def __init__(self) -> None:
        self.offsets: Sequence[int] = range(0)
        self.size = 0  #: bytes of all messages
        self._values, self._keys = PackedBytes(), PackedBytes()
        self._timestamps = array("q")
        self._headers: dict[int, Headers | None] = {}

    @property
    def oldest(self) -> int | None:
        """When the first message was produced, in milliseconds since 1970; None if there is none, or nobody knows."""
        return self._timestamps[0] if self._timestamps and self._timestamps[0] >= 0 else None

    def extend(self, polled: MessageColumns, start: int, stop: int) -> None:
        """Take the polled messages [start, stop)."""
        if polled.headers:
            moved = len(self.offsets) - start
            self._headers |= {moved + at: found for at, found in polled.headers.items() if start <= at < stop}
        self.offsets = _joined(self.offsets, polled.offsets[start:stop])
        self._values.extend(polled.values[start:stop])
        self._keys.extend(polled.keys[start:stop])
        self._timestamps += array("q", polled.timestamps[start:stop])
        self.size += sum(polled.sizes[start:stop])

    def batch(self, first: int, next_offset: int, leader_epoch: int) -> Batch:
        """All of them, as the batch of the offsets [first, next_offset)."""
        return Batch(
            first=first,
            next_offset=next_offset,
            leader_epoch=leader_epoch,
            offsets=self.offsets,
            values=self._values,
            keys=self._keys,
            timestamps=self._timestamps,
            headers=self._headers,
        )


def _joined(first: Sequence[int], more: Sequence[int]) -> Sequence[int]:
    """All offsets: as a range while none is missing."""
    if not first:
        return more
    if isinstance(first, range) and isinstance(more, range) and first.stop == more.start:
        return range(first.start, more.stop)
    return [*first, *more]
