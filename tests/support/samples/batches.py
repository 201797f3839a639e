"""Batches made by hand, for tests of what a writer does with them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from workers.contract.batch import Batch, Headers
from workers.contract.packed_bytes import PackedBytes


def batch_of(
    values: Sequence[bytes | None],
    offsets: Sequence[int] = (),
    *,
    keys: Sequence[bytes | None] = (),
    timestamps: Sequence[int] = (),
    headers: dict[int, Headers | None] | None = None,
) -> Batch:
    """These messages at these offsets, from 0 on if none are given."""
    numbers = list(offsets) or list(range(len(values)))
    return Batch(
        first=numbers[0] if numbers else 0,
        next_offset=numbers[-1] + 1 if numbers else 0,
        leader_epoch=0,
        offsets=numbers,
        values=PackedBytes(values),
        keys=PackedBytes(list(keys) or [None] * len(values)),
        timestamps=array("q", list(timestamps) or [-1] * len(values)),
        headers=headers or {},
    )
