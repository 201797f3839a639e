"""The form in which `rtpipe verify --values` compares what is in a column that people made.

A number is compared as a number, whatever type has it; a day or a moment as microseconds; a text as the server shows
it; JSON as its value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.user_column import UserColumn
from avro_schemas.columns.user_limits import Way, counts, values_of, way_of
from supervisor.verify.forms.times import moment, time_of_day
from workers.rows.literals.avro_texts import big_decimal_text, uuid_of_bytes
from workers.rows.literals.json_values import json_text

Value = int | float | str | bytes | None
_NUMBERS = Context(prec=400)
_DAY = 86_400 * 1_000_000
_FACTORS = {"millis": 1_000, "micros": 1}


@dataclass(frozen=True, slots=True)
class UserForm:
    """How both sides come to the form. None: they have it already."""

    of_message: Callable[[Any], Value] | None
    of_table: Callable[[Any], Value] | None


def user_form(column: ColumnShape, given: UserColumn) -> UserForm | None:
    """The form for the values of the column's field."""
    way, values = way_of(column, given), values_of(column)
    if way is Way.BYTES and given.kind == "bit":
        return UserForm(lambda raw: _number(int.from_bytes(raw, "big")), _number)
    if given.kind == "integer" and values == "float":
        return UserForm(lambda raw: _number(int(raw) if raw == int(raw) else raw), _number)
    if way in {Way.NUMBER, Way.YEAR, Way.BIT}:
        return UserForm(_number if counts(column, given) else _NUMBER_OF.get(values, _of_decimal(column)), _number)
    if way is Way.CLOCK:
        return UserForm(_micros(column), time_of_day if given.kind == "time" else moment)
    if way is Way.JSON:
        return UserForm(_parsed, _parsed)
    if values in {"integer", "float", "decimal"}:  # as a text
        return UserForm(_NUMBER_OF.get(values, _of_decimal(column)), _number)
    if values in {"date", "moment", "time"}:
        return UserForm(_micros(column), time_of_day if values == "time" else moment)
    if values == "parts":
        return UserForm(lambda value: _parsed(json_text(column)(value)), _parsed)
    if given.kind in {"binary", "fixed"}:
        return UserForm(str.encode if values == "text" else None, None)
    return UserForm(_text_of(column, values), None)


def _text_of(column: ColumnShape, values: str) -> Callable[[Any], Value] | None:
    if values == "bytes":
        return lambda raw: raw.decode(errors="replace")
    if values == "uuid":
        return uuid_of_bytes
    return big_decimal_text if column.of.logical == "big-decimal" else None


def _number(value: Any) -> Value:
    """One text for equal numbers."""
    try:
        found = Decimal(repr(value) if isinstance(value, float) else str(value))
    except ArithmeticError:
        return str(value)
    return "0" if not found else str(found.normalize(_NUMBERS))


def _of_decimal(column: ColumnShape) -> Callable[[Any], Value]:
    return lambda raw: _number(Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-column.of.scale, _NUMBERS))


_NUMBER_OF: dict[str, Callable[[Any], Value]] = {"integer": lambda raw: _number(int(raw)), "float": _number}


def _micros(column: ColumnShape) -> Callable[[Any], Value]:
    if values_of(column) == "date":
        return lambda days: int(days) * _DAY
    unit = (column.of.logical or "").rpartition("-")[2]
    return lambda raw: int(raw) // 1_000 if unit == "nanos" else int(raw) * _FACTORS[unit]


def _parsed(text: Any) -> Value:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return str(text)
