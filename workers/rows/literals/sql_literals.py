"""Avro values as SQL literals, a column at a time: nothing is changed in silence.

Values come as fastavro decodes them with every logicalType stripped: ints, floats, str, bytes. A value that its column
cannot hold exactly raises ValueError with words that do not quote it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.types import CHAR, DECIMAL, VARCHAR, Integer

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.rules import PLAIN
from rtpipe.mysql.quoting import hexadecimals, quoted_texts
from workers.rows.literals.avro_texts import (
    big_decimal_text,
    date_text,
    decimal_text,
    time_text,
    timestamp_text,
    uuid_of_bytes,
    uuid_text,
)
from workers.rows.literals.exact_fit import Literals, TooNarrow, exactly
from workers.rows.literals.json_values import TooDeep, json_text
from workers.rows.literals.text_literals import bytes_literals, text_literals
from workers.rows.literals.user_literals import loses, user_literals


def literals_for(column: ColumnShape, *, nonfinite: str = PLAIN.nonfinite) -> Literals:
    """The renderer of one column, chosen once for a schema. `nonfinite` "null": NaN and infinity in a nullable column
    are NULL.
    """
    if column.of.avro_type == "null":
        return lambda values: ["NULL"] * len(values)
    render = _plain(column)
    if column.user_column is not None:
        render = user_literals(column, column.user_column, render)
    elif column.narrow and not column.of.nested:
        render = exactly(column, render)
    if column.required:
        return _required(render, column.required)
    if not column.nullable:
        return _never_null(render) if column.of.nullable or len(column.path) > 1 else render
    nullable = _nullable(render)
    if nonfinite == "null" and column.of.avro_type in {"float", "double"}:
        return lambda values: nullable([None if value is None or not isfinite(value) else value for value in values])
    return nullable


def changes(column: ColumnShape) -> Callable[[Any], bool]:
    """Whether a value is one that a column that may change values does change."""
    user = column.user_column
    return (lambda _: False) if user is None else loses(column, user, _plain(column))


def literal_of(column: ColumnShape) -> Callable[[Any], str]:
    """The renderer of one column for single values."""
    render = literals_for(column)
    return lambda value: render([value])[0]


def _plain(column: ColumnShape) -> Literals:
    of = column.of
    if of.nested:
        return _json(column)
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
    if of.avro_type in {"string", "enum"}:
        return quoted_texts if column.narrow else text_literals(column.type)
    if of.avro_type in {"bytes", "fixed"}:
        return hexadecimals if column.narrow else bytes_literals(column.type)
    return _PRIMITIVE[of.avro_type]


def _json(column: ColumnShape) -> Literals:
    """A value that is too deep for JSON stops the partition where the settings ask for a column that takes it."""
    text = json_text(column)

    def rendered(values: Sequence[Any]) -> list[str]:
        try:
            return quoted_texts([text(value) for value in values])
        except TooDeep as deep:
            if column.narrow:
                raise TooNarrow(f"{deep}; the settings ask for it, and it copies the table: {column.narrow}") from None
            raise

    return rendered


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


def _required(render: Literals, help_: str) -> Literals:
    """For a column that a person made NOT NULL, whose field may be null."""

    def checked(values: Sequence[Any]) -> list[str]:
        if None in values:
            raise TooNarrow(f"null for a column that a person made NOT NULL, which rtpipe leaves so: {help_}")
        return render(values)

    return checked


def _never_null(render: Literals) -> Literals:
    """For a column of a primary key, whose field may be null."""

    def checked(values: Sequence[Any]) -> list[str]:
        if None in values:
            raise ValueError("null in a column that is part of the primary key")
        return render(values)

    return checked


def _floats(values: Sequence[float]) -> list[str]:
    if not all(map(isfinite, values)):
        raise ValueError("NaN or infinity, which MySQL cannot store")
    texts = list(map(repr, values))
    if "-0.0" in texts:  # as it stands it is a DECIMAL, which knows no zero below zero
        return ["-0e0" if text == "-0.0" else text for text in texts]
    return texts


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
}
