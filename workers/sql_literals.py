"""Avro values as SQL literals, a column at a time: nothing is changed in silence.

Values come as fastavro decodes them with every logicalType stripped: ints, floats, str, bytes. A value that its column
cannot hold exactly raises ValueError with words that do not quote it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from sqlalchemy.dialects.mysql import DATETIME, ENUM
from sqlalchemy.types import CHAR, DECIMAL, VARBINARY, VARCHAR, Integer

from avro_schemas.column_types import ColumnShape
from workers.avro_texts import (
    big_decimal_text,
    date_text,
    decimal_text,
    time_text,
    timestamp_text,
    uuid_of_bytes,
    uuid_text,
)
from workers.json_values import json_text

#: A column of raw values in, a column of SQL texts out.
Literals = Callable[[Sequence[Any]], list[str]]

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"})


def literals_for(column: ColumnShape, *, nonfinite: str = "dead_letter") -> Literals:
    """The renderer of one column, chosen once for a schema. `nonfinite` "null": NaN and infinity in a nullable column
    are NULL.
    """
    if column.of.avro_type == "null":
        return lambda values: ["NULL"] * len(values)
    render = _plain(column)
    if not column.nullable:
        return _never_null(render) if column.of.nullable or len(column.path) > 1 else render
    nullable = _nullable(render)
    if nonfinite == "null" and column.of.avro_type in {"float", "double"}:
        return lambda values: nullable([None if value is None or not isfinite(value) else value for value in values])
    return nullable


def literal_of(column: ColumnShape) -> Callable[[Any], str]:
    """The renderer of one column for single values."""
    render = literals_for(column)
    return lambda value: render([value])[0]


def _plain(column: ColumnShape) -> Literals:
    of = column.of
    if of.nested:
        text = json_text(column)
        return lambda values: _strings([text(value) for value in values])
    if of.logical == "decimal":
        render = decimal_text(of.precision, of.scale)
        if isinstance(column.type, DECIMAL):
            return lambda values: [render(value) for value in values]
        return _quoted(render)
    if isinstance(column.type, Integer) and of.avro_type in {"int", "long"}:
        return _PRIMITIVE[of.avro_type]  # the number as it is, whatever it counts
    if (of.logical or "").endswith("timestamp-nanos"):
        return _quoted(_nanos_text) if isinstance(column.type, DATETIME) else _PRIMITIVE[of.avro_type]
    if of.logical == "uuid" and of.avro_type == "fixed" and isinstance(column.type, CHAR | VARCHAR):
        return _quoted(uuid_of_bytes)
    if of.logical in _LOGICAL and of.avro_type != "fixed":
        return _quoted(_LOGICAL[of.logical])
    if of.avro_type in {"string", "enum"} and isinstance(column.type, ENUM):
        return _members(frozenset(column.type.enums))
    length = getattr(column.type, "length", None)
    if length and of.avro_type in {"string", "bytes", "enum"} and isinstance(column.type, VARCHAR | CHAR | VARBINARY):
        return _bounded(_PRIMITIVE[of.avro_type], length)
    return _PRIMITIVE[of.avro_type]


def _bounded(render: Literals, most: int) -> Literals:
    """The server cuts spaces at the end that are too many, in silence; and what it refuses costs it the statement."""

    def checked(values: Sequence[Any]) -> list[str]:
        if max(map(len, values), default=0) > most:
            raise ValueError(f"longer than {most}")
        return render(values)

    return checked


def _members(allowed: frozenset[str]) -> Literals:
    """The server would take a text of digits for the number of a member."""

    def checked(values: Sequence[Any]) -> list[str]:
        if not allowed.issuperset(values):
            raise ValueError("none of the column's ENUM")
        return _strings(values)

    return checked


def _nanos_text(value: int) -> str:
    """Cut to microseconds, since that was asked for."""
    return _LOGICAL["timestamp-micros"](value // 1_000)


def _quoted(text: Callable[[Any], str]) -> Literals:
    """For texts of digits and letters, which need no escapes."""
    return lambda values: [f"'{text(value)}'" for value in values]


def _nullable(render: Literals) -> Literals:
    def with_nulls(values: Sequence[Any]) -> list[str]:
        present = iter(render([value for value in values if value is not None]))
        return ["NULL" if value is None else next(present) for value in values]

    return with_nulls


def _never_null(render: Literals) -> Literals:
    """For a column of a primary key, whose field may be null."""

    def checked(values: Sequence[Any]) -> list[str]:
        if None in values:
            raise ValueError("null in a column that is part of the primary key")
        return render(values)

    return checked


def _strings(values: Sequence[str]) -> list[str]:
    """Quoted text. Most batches hold nothing to escape, which one look at the whole column tells."""
    whole = "".join(values)
    if any(mark in whole for mark in "\\'\0\n\r\x1a"):
        return [quoted_text(value) for value in values]
    return [f"'{value}'" for value in values]


def quoted_text(value: str) -> str:
    """One text as a literal."""
    return f"'{value.translate(_ESCAPES)}'"


def _floats(values: Sequence[float]) -> list[str]:
    if not all(map(isfinite, values)):
        raise ValueError("NaN or infinity, which MySQL cannot store")
    return [repr(value) for value in values]


_LOGICAL: dict[str, Callable[[Any], str]] = {
    "big-decimal": big_decimal_text,
    "date": date_text,
    "time-millis": time_text("millis"),
    "time-micros": time_text("micros"),
    "timestamp-millis": timestamp_text("millis", " "),
    "timestamp-micros": timestamp_text("micros", " "),
    "local-timestamp-millis": timestamp_text("millis", " "),
    "local-timestamp-micros": timestamp_text("micros", " "),
    "uuid": uuid_text,
}
_PRIMITIVE: dict[str, Literals] = {
    "boolean": lambda values: ["1" if value else "0" for value in values],
    "int": lambda values: [str(value) for value in values],
    "long": lambda values: [str(value) for value in values],
    "float": _floats,
    "double": _floats,
    "string": _strings,
    "enum": _strings,
    "bytes": lambda values: [f"X'{value.hex()}'" for value in values],
    "fixed": lambda values: [f"X'{value.hex()}'" for value in values],
}
