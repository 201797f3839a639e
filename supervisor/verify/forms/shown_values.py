"""Values in the form of values.py, for people and for JSON."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from avro_schemas.columns.column_types import ColumnShape
from supervisor.verify.forms.times import EPOCH
from supervisor.verify.forms.values import Value, kind_of


def shown(column: ColumnShape, value: Value) -> Any:
    """A value for people and JSON: times as ISO 8601, decimals with their point, bytes as hexadecimal digits."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if value is None or isinstance(value, (str, float)) or not kind_of(column) or column.user_column is not None:
        return value
    try:
        return _SHOWN[kind_of(column)](column, value)
    except (OverflowError, ValueError):
        return value


def _digits(number: int) -> tuple[int, ...]:
    return tuple(map(int, str(abs(number))))


def _shown_time(_: ColumnShape, micros: int) -> str:
    seconds, fraction = divmod(abs(micros), 1_000_000)
    minutes, hours = seconds // 60 % 60, seconds // 3_600
    return f"{'-' if micros < 0 else ''}{hours:02}:{minutes:02}:{seconds % 60:02}.{fraction:06}"


_SHOWN: dict[str, Callable[[ColumnShape, int], Any]] = {
    "decimal": lambda column, number: format(Decimal((number < 0, _digits(number), -column.of.scale)), "f"),
    "date": lambda _, days: (EPOCH + datetime.timedelta(days=days)).date().isoformat(),
    "time": _shown_time,
    "timestamp": lambda _, micros: (EPOCH + datetime.timedelta(microseconds=micros)).isoformat(" "),
    "uuid": lambda _, value: value,
}
