"""Messages -> columns of their values, with a proof that the bytes say nothing else.

polars reads more than the Avro specification allows. What it reads is taken for the truth only where each message has
as many bytes as its values take at least: polars took no fewer for any value, and as many for all together, so every
value stands where the plain encoding has it. With that the place of each union's index is known, of which polars only
looks whether it is zero, and of the last byte of a number of ten bytes, which may hold more than 64 bits.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import polars as pl

from avro_schemas.avro.wire_format import HEADER_SIZE
from workers.contract.packed_bytes import PackedBytes
from workers.rows.columnar.container import Container
from workers.rows.columnar.encoded_sizes import LARGEST, Spread, is_largest, length_of, size_of
from workers.rows.columnar.polars_calls import DoubtError
from workers.rows.columnar.wire_fields import WireField

#: What is asked about each column.
_SPREAD = ("nulls", "least", "most")
#: Bytes that a number of 32 bits can count, with room.
_MOST_BYTES = 1 << 31


class WireColumns:
    """Reads messages of one schema."""

    def __init__(self, fields: Sequence[WireField]) -> None:
        self._fields = fields
        self._container = Container(fields)
        self._names = [field.name for field in fields]
        self._spreads = [one for field in fields for one in _spread(field)]

    def read(self, messages: PackedBytes, indexes: Sequence[int]) -> pl.DataFrame:
        """A row for each of these messages. DoubtError, or whatever polars raises, if one of them is in doubt."""
        data, bounds = messages.joined(indexes)
        if len(data) > _MOST_BYTES:
            raise DoubtError("too many bytes to read at once")
        columns = pl.read_avro(io.BytesIO(self._container.of(data, len(indexes))), columns=self._names)
        if columns.height != len(indexes):
            raise DoubtError("not as many rows as messages")
        self._prove(columns, data, (_numbers(bounds.tobytes(), pl.Int64) - bounds[0]).cast(pl.UInt32))
        return columns

    def _prove(self, columns: pl.DataFrame, data: bytes, bounds: pl.Series) -> None:
        spreads = self._spreads_of(columns)
        made = [size_of(field, spread) for field, spread in zip(self._fields, spreads, strict=True)]
        varying = {field.name: more for field, (_, more) in zip(self._fields, made, strict=True) if more is not None}
        sizes = columns.select(**varying)
        at, indexes, last = bounds[:-1] + HEADER_SIZE, [], []
        for field, spread, (fixed, _) in zip(self._fields, spreads, made, strict=True):
            if field.null is not None:
                indexes.append(at)
            at = at + fixed
            if field.name in varying:
                at = at + sizes[field.name]
            if field.bounds and spread.sizes[1] == LARGEST:
                last.append((at - 1).filter(columns.select(is_largest(field)).to_series()))
        if not (at == bounds[1:]).all():
            raise DoubtError("messages that have more bytes than their values take")
        if indexes or last:
            _look(data, indexes, last)

    def _spreads_of(self, columns: pl.DataFrame) -> list[Spread]:
        """DoubtError for a number that its type does not have."""
        found = columns.select(self._spreads).row(0, named=True)
        spreads = []
        for field in self._fields:
            name = field.name
            nulls, least, most = (found.get(f"{name}{what}") or 0 for what in _SPREAD)
            if field.bounds and not field.bounds[0] <= least <= most <= field.bounds[1]:
                raise DoubtError("a number that its type does not have")
            spreads.append(Spread(columns.height, nulls, least, most))
        return spreads


def _spread(field: WireField) -> list[pl.Expr]:
    found = []
    if field.null is not None:
        found.append(pl.col(field.name).null_count().alias(f"{field.name}nulls"))
    if field.size is None:
        number = pl.col(field.name) if field.bounds else length_of(field)
        found += [number.min().alias(f"{field.name}least"), number.max().alias(f"{field.name}most")]
    return found


def _look(data: bytes, indexes: Sequence[pl.Series], last: Sequence[pl.Series]) -> None:
    """DoubtError unless the bytes at these places are a union's index, 0 or 1, or the last ones of 64 bits."""
    known = _numbers(data, pl.UInt8)
    if indexes and not known.gather(pl.concat(indexes)).is_in([0, 2]).all():
        raise DoubtError("a union's index that names no branch")
    if last and not (known.gather(pl.concat(last)) <= 1).all():
        raise DoubtError("a number of more than 64 bits")


def _numbers(data: bytes, kind: type[pl.Int64 | pl.UInt8]) -> pl.Series:
    """The numbers that are in the bytes, one after the other."""
    whole = pl.Series([data], dtype=pl.Binary)
    count = len(data) // (8 if kind is pl.Int64 else 1)
    return whole.bin.reinterpret(dtype=pl.Array(kind, count), endianness=sys.byteorder).arr.explode()
