"""Avro values as SQL literals, a column at a time: nothing is changed in silence.

Values come as fastavro decodes them with every logicalType stripped: ints, floats, str, bytes. A value that its column
cannot hold exactly raises ValueError with words that do not quote it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.types import DECIMAL

from avro_schemas.column_types import ColumnShape
from workers.avro_texts import big_decimal_text, date_text, decimal_text, time_text, timestamp_text, uuid_text
from workers.json_values import json_text

#: A column of raw values in, a column of SQL texts out.
Literals = Callable[[Sequence[Any]], list[str]]

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"})


def literals_for(column: ColumnShape) -> Literals:
    """The renderer of one column, chosen once for a schema."""
    if column.of.avro_type == "null":
        return lambda values: ["NULL"] * len(values)
    render = _plain(column)
    return _nullable(render) if column.of.nullable else render


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
    if of.logical in _LOGICAL and of.avro_type != "fixed":
        return _quoted(_LOGICAL[of.logical])
    return _PRIMITIVE[of.avro_type]


def _quoted(text: Callable[[Any], str]) -> Literals:
    """For texts of digits and letters, which need no escapes."""
    return lambda values: [f"'{text(value)}'" for value in values]


def _nullable(render: Literals) -> Literals:
    def with_nulls(values: Sequence[Any]) -> list[str]:
        present = iter(render([value for value in values if value is not None]))
        return ["NULL" if value is None else next(present) for value in values]

    return with_nulls


def _strings(values: Sequence[str]) -> list[str]:
    """Quoted text. Most batches hold nothing to escape, which one look at the whole column tells."""
    whole = "".join(values)
    if any(mark in whole for mark in "\\'\0\n\r\x1a"):
        return [f"'{value.translate(_ESCAPES)}'" for value in values]
    return [f"'{value}'" for value in values]


def _floats(values: Sequence[float]) -> list[str]:
    if not all(map(math.isfinite, values)):
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
