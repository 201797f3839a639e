"""Values for a column that does not hold every value of its field: those that it takes exactly go in, no other does.

A column stays narrow where widening it would copy the table. The first value that does not fit stops the partition
before it: it is no bad message, and nothing of it may be cut or rounded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from avro_schemas.columns.column_types import ColumnShape

#: A column of raw values in, a column of SQL texts out.
Literals = Callable[[Sequence[Any]], list[str]]
#: Raw value and its SQL text -> whether the column takes it exactly.
_Fits = Callable[[Any, str], bool]
_INTEGER_BITS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INTEGER": 32, "BIGINT": 64}
_BYTES = {"TINY": 255, "": 65_535, "MEDIUM": (1 << 24) - 1, "LONG": (1 << 32) - 1}
_MICROS_DIGITS = 6


class TooNarrow(ValueError):  # noqa: N818 - no error of the value
    """The column must be widened before it takes the value."""


def exactly(column: ColumnShape, render: Literals) -> Literals:
    """`render`, which raises TooNarrow for a value that the column would change or refuse."""
    fits = _fits(column)

    def checked(values: Sequence[Any]) -> list[str]:
        texts = render(values)
        if not all(map(fits, values, texts)):
            raise TooNarrow(f"the column is too narrow for it, and widening it copies the table: {column.narrow}")
        return texts

    return checked


def _fits(column: ColumnShape) -> _Fits:
    kind = type(column.type).__name__
    length = getattr(column.type, "length", None)
    if kind in _INTEGER_BITS:
        most = 1 << (_INTEGER_BITS[kind] - 1)
        return lambda value, _: -most <= value < most and value == int(value)
    if kind == "FLOAT":
        return lambda value, _: _is_float32(value)
    if kind == "DECIMAL":
        most = 10 ** int(getattr(column.type, "precision", None) or 0)
        return lambda value, _: abs(int.from_bytes(value, "big", signed=True)) < most
    if kind in {"TIME", "DATETIME"}:
        return _clock(column)
    if kind == "ENUM":
        members = set(getattr(column.type, "enums", ()))
        return lambda value, _: value in members
    if kind == "BINARY":
        return lambda value, _: len(value) == length
    return _sized(column, length or _BYTES[kind.removesuffix("TEXT").removesuffix("BLOB")])


def _sized(column: ColumnShape, most: int) -> _Fits:
    """Text counts in characters only where the column does; what became ASCII in quotes counts as it was written."""
    kind, charset = type(column.type).__name__, getattr(column.type, "charset", None)
    if column.of.logical is not None and column.of.avro_type != "fixed":
        return lambda _, text: len(text) - 2 <= most
    if column.of.avro_type in {"bytes", "fixed"}:
        return lambda value, _: len(value) <= most

    def fits(value: str, _: str) -> bool:
        size = len(value) if kind in {"CHAR", "VARCHAR"} else len(value.encode())
        changed = (charset == "ascii" and not value.isascii()) or (kind == "CHAR" and value.endswith(" "))
        return size <= most and not changed

    return fits


def _clock(column: ColumnShape) -> _Fits:
    digits = int(getattr(column.type, "fsp", None) or 0)
    has = 3 if (column.of.logical or "").endswith("millis") else _MICROS_DIGITS
    unit = 10 ** max(0, has - digits)
    return lambda value, _: value % unit == 0


def _is_float32(value: float) -> bool:
    try:
        return bool(struct.unpack("<f", struct.pack("<f", value))[0] == value)
    except OverflowError:
        return False
