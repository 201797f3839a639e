"""The values of a row in one form for both sides of `rtpipe verify --values`, so that equal means equal.

The form: integers, floats, str, bytes, None. Booleans are integers; a decimal is its unscaled integer; a date is days,
a time or timestamp microseconds since its zero; what has parts is JSON with sorted keys. A message's values come to it
straight from the Avro integers, with no rendering in between; a table's from the text that the server sends. What does
not parse stays text, and so equals nothing.
"""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from sqlalchemy.dialects.mysql import BLOB, LONGBLOB, MEDIUMBLOB, TINYBLOB
from sqlalchemy.types import CHAR, VARBINARY, VARCHAR, Integer

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.rules import PLAIN
from supervisor.verify.forms.user_columns import user_form
from workers.rows.literals.avro_texts import big_decimal_text, uuid_of_bytes
from workers.rows.literals.json_values import plain_value
from workers.rows.literals.text_literals import TEXT_TYPES

Value = int | float | str | bytes | None
Row = tuple[Value, ...]

DIGEST_SIZE = 16
_MICROS = {"millis": 1_000, "micros": 1}
#: A version of marshal's format by which equal values are equal bytes: no later one, which remembers what was there.
_PLAINLY = 2
_BINARY = (VARBINARY, TINYBLOB, BLOB, MEDIUMBLOB, LONGBLOB)


def digest(row: Row) -> bytes:
    """16 bytes that differ for different rows."""
    return hashlib.blake2b(marshal.dumps(row, _PLAINLY), digest_size=DIGEST_SIZE).digest()


def from_message(
    columns: Sequence[ColumnShape],
    table: Sequence[ColumnShape],
    defaults: Mapping[str, Value] = MappingProxyType({}),
    *,
    nonfinite: str = PLAIN.nonfinite,
) -> Callable[[dict[str, Any]], Row]:
    """How a decoded record becomes a row of `table`; `columns` are those of the record's own schema.

    A column that its schema lacks has its default, most often NULL. `nonfinite` "null": NaN and infinity are NULL where
    they may be.
    """
    own = {column.name: column for column in columns}
    lacking = {at: defaults.get(column.name) for at, column in enumerate(table) if column.name not in own}
    paths = [own[column.name].path if column.name in own else () for column in table]
    readers = [
        (at, reader)
        for at, column in enumerate(table)
        if column.name in own and (reader := _reader_of(own[column.name], column, nonfinite)) is not None
    ]

    take = _taker(paths) if not lacking else None

    def row(record: dict[str, Any]) -> Row:
        if take is not None:
            if not readers:
                return take(record)
            values = list(take(record))
        else:
            values = [lacking[at] if at in lacking else _at(record, path) for at, path in enumerate(paths)]
        for at, reader in readers:
            value = values[at]
            if value is not None:
                values[at] = reader(value)
        return tuple(values)

    return row


def _taker(paths: Sequence[Sequence[str]]) -> Callable[[dict[str, Any]], Row] | None:
    """Takes all values out of a record at once, where each is a field of it: no part of one, and not all of it."""
    if len(paths) < 2 or any(len(path) != 1 for path in paths):  # noqa: PLR2004 - of one name, itemgetter makes no tuple
        return None
    return itemgetter(*(path[0] for path in paths))


def key_value(column: ColumnShape) -> Callable[[Any], Value]:
    """The form of one value of a key column."""
    reader = _message_value(column, column)
    return lambda value: reader(value) if reader is not None and value is not None else value


def _at(record: Any, path: Sequence[str]) -> Any:
    """A field, or one of a record in it that became columns of its own; None where there is none on its way."""
    for name in path:
        if record is None:
            return None
        record = record.get(name)
    return record


def _reader_of(column: ColumnShape, table: ColumnShape, nonfinite: str) -> Callable[[Any], Value] | None:
    reader = _message_value(column, table)
    if nonfinite == "null" and column.nullable and column.of.avro_type in {"float", "double"}:
        finite = reader or (lambda value: value + 0.0)
        return lambda value: finite(value) if isfinite(value) else None
    return reader


def _message_value(column: ColumnShape, table: ColumnShape) -> Callable[[Any], Value] | None:
    """None where the Avro value is the form already."""
    if table.user_column is not None and (form := user_form(column, table.user_column)) is not None:
        return form.of_message
    if column.of.nested:
        plain = plain_value(column)
        return lambda value: canonical(plain(value))
    if kind := kind_of(column):
        return _logical_value(column, kind)
    if column.of.avro_type == "boolean":
        return int
    if column.of.avro_type in {"string", "enum"} and isinstance(table.type, _BINARY):
        return str.encode
    if column.of.avro_type in {"bytes", "fixed"} and isinstance(table.type, TEXT_TYPES):
        return lambda raw: raw.decode(errors="replace")
    if column.of.avro_type in {"float", "double"} and table.of.avro_type in {"int", "long"}:
        return lambda raw: int(raw) if raw == int(raw) else raw
    if table.of.avro_type in {"float", "double"}:  # -0.0, which some inserts lose, is 0.0; an int may have been widened
        return lambda raw: raw + 0.0
    return None


def _logical_value(column: ColumnShape, kind: str) -> Callable[[Any], Value] | None:
    if kind == "decimal":
        return lambda raw: int.from_bytes(raw, "big", signed=True)
    if kind == "big":
        return big_decimal_text
    if kind == "uuid" and column.of.avro_type == "fixed" and isinstance(column.type, CHAR | VARCHAR):
        return uuid_of_bytes
    if kind == "timestamp" and (column.of.logical or "").endswith("nanos"):
        return lambda raw: int(raw) // 1_000
    if kind in {"time", "timestamp"} and (factor := _factor(column)) > 1:
        return lambda raw: int(raw) * factor
    return None


def kind_of(column: ColumnShape) -> str:
    """decimal, big, date, time, timestamp, uuid, or nothing where the column holds a number."""
    if isinstance(column.type, Integer):  # the number as it is, whatever it counts
        return ""
    return (column.of.logical or "").removeprefix("local-").partition("-")[0]


def _factor(column: ColumnShape) -> int:
    """Microseconds in one unit of a time or timestamp."""
    return _MICROS[(column.of.logical or "").rpartition("-")[2]]


def canonical(value: Any) -> str:
    """One text for equal JSON values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True)
