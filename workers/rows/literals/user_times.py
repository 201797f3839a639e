"""Days, times of the day and moments for a column that people made: nothing is cut or rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.user_column import UserColumn
from avro_schemas.columns.user_limits import TIMESTAMP_SECONDS, values_of
from workers.rows.literals.avro_texts import date_text, time_text, timestamp_text

_SECOND, _DAY = 1_000_000, 86_400 * 1_000_000
_FACTORS = {"millis": 1_000, "micros": 1}


def clocks(column: ColumnShape, user: UserColumn) -> Callable[[Any], str]:
    """The literal of one value for DATE, TIME, DATETIME and TIMESTAMP."""
    micros = _micros(column)
    text, check = _TEXTS[values_of(column)], _check(user)

    def literal(value: int) -> str:
        moment = micros(value)
        written = text(moment)  # which refuses what no calendar has, before the column is asked
        check(moment)
        whole, _, fraction = written.partition(".")
        if user.kind == "date":
            return f"'{whole[:10]}'"
        return f"'{whole}.{fraction[: user.digits]}'" if user.digits and fraction else f"'{whole}'"

    return literal


def _micros(column: ColumnShape) -> Callable[[int], int]:
    if values_of(column) == "date":
        return lambda days: days * _DAY
    unit = (column.of.logical or "").rpartition("-")[2]
    if unit == "nanos":
        return lambda nanos: nanos // 1_000  # cut to microseconds, since that was asked for
    factor = _FACTORS[unit]
    return lambda value: value * factor


def _check(user: UserColumn) -> Callable[[int], None]:
    """Raises ValueError for a moment that the column would change."""
    unit = _DAY if user.kind == "date" else 10 ** (6 - user.digits)
    first, last = TIMESTAMP_SECONDS

    def check(micros: int) -> None:
        if micros % unit:
            what = "a time of the day" if user.kind == "date" else "more digits after the second"
            raise ValueError(f"{what} than {user.words} has" if user.digits else f"{what}, which {user.words} loses")
        if user.kind == "timestamp" and not first <= micros // _SECOND <= last:
            raise ValueError(f"a time that no {user.words} has: 1970-01-01 00:00:01 to 2038-01-19 03:14:07 UTC")

    return check


_TEXTS: dict[str, Callable[[int], str]] = {
    "date": lambda micros: date_text(micros // _DAY),
    "moment": timestamp_text("micros", " "),
    "time": time_text("micros"),
}
