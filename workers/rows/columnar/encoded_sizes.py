"""How many bytes the values of a column take at least, as polars computes it; cheap where all take as many.

The bytes of a number depend on its magnitude alone, seven bits a byte, one of them the sign. So the least and the
largest number of a column say between which sizes its values are, most often one size alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import polars as pl

from workers.rows.columnar.wire_fields import WireField

#: Bytes of the largest numbers, whose last byte may hold more than 64 bits.
LARGEST = 10
#: The first magnitude that takes so many bytes.
_FIRST = {size: 1 << (7 * size - 8) for size in range(2, LARGEST + 1)}


@dataclass(frozen=True, slots=True)
class Spread:
    """What is known of a column: the nulls in it, and the least and the largest number, or length, of the others."""

    rows: int
    nulls: int
    least: int
    most: int

    @property
    def sizes(self) -> tuple[int, int]:
        """The fewest and the most bytes of a number between them."""
        ends = sorted((_size(self.least), _size(self.most)))
        return (ends[0] if (self.least < 0) == (self.most < 0) else 1), ends[1]


def size_of(field: WireField, spread: Spread) -> tuple[int, pl.Expr | None]:
    """The bytes of each value with its union's index: so many, and those that an expression says."""
    if spread.nulls == spread.rows:
        return 1, None
    if field.size is not None:
        fixed, more = field.size, None
    else:
        fixed, most = spread.sizes
        length = _length(field.name, text=field.of.avro_type == "string")
        more = _beyond(field.name, fixed, most) if field.bounds else _beyond_length(length, fixed, most)
        if not field.bounds and spread.least == spread.most:
            fixed, more = fixed + spread.least, None
    if spread.nulls:
        return 1, _where_there(field.name, fixed, more)
    return fixed + int(field.null is not None), more


def length_of(field: WireField) -> pl.Expr:
    """The bytes of a text, or of bytes."""
    return _length(field.name, text=field.of.avro_type == "string")


def is_largest(field: WireField) -> pl.Expr:
    """Whether a number takes ten bytes."""
    return _magnitude(field.name) >= _FIRST[LARGEST]


def _size(number: int) -> int:
    return (number if number >= 0 else ~number).bit_length() // 7 + 1


@cache
def _length(name: str, *, text: bool) -> pl.Expr:
    column = pl.col(name)
    return column.str.len_bytes() if text else column.bin.size()


@cache
def _magnitude(name: str) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column < 0).then(-1 - column).otherwise(column)


@cache
def _beyond(name: str, fewest: int, most: int) -> pl.Expr | None:
    """The bytes of numbers, less the fewest."""
    steps = [(_magnitude(name) >= _FIRST[size]).cast(pl.UInt32) for size in range(fewest + 1, most + 1)]
    return sum(steps[1:], steps[0]) if steps else None


def _beyond_length(length: pl.Expr, fewest: int, most: int) -> pl.Expr:
    """The bytes of values and of their lengths, less the fewest of these."""
    return sum(((length >= _FIRST[size]).cast(pl.UInt32) for size in range(fewest + 1, most + 1)), length)


def _where_there(name: str, fixed: int, more: pl.Expr | None) -> pl.Expr:
    if more is None:
        return pl.col(name).is_not_null().cast(pl.UInt32) * fixed
    return (more + fixed).fill_null(0)
