"""Avro values as SQL literals, a column at a time: nothing is changed in silence.

Values come as fastavro decodes them with every logicalType stripped: ints, floats, str, bytes. A value that its column
cannot hold exactly raises ValueError with words that do not quote it.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from avro_schemas.column_types import ColumnShape

#: A column of raw values in, a column of SQL texts out.
Literals = Callable[[Sequence[Any]], list[str]]

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"})
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME columns hold UTC without a zone
_EPOCH_DAY = _EPOCH.toordinal()
_MAX_TIME_SECONDS = 838 * 3600 + 59 * 60 + 59


def literals_for(column: ColumnShape) -> Literals:
    """The renderer of one column, chosen once for a schema."""
    if column.avro_type == "null":
        return lambda values: ["NULL"] * len(values)
    render = _plain(column)
    return _nullable(render) if column.nullable else render


def _plain(column: ColumnShape) -> Literals:
    if column.logical == "decimal":
        return _each(_decimal(column.precision, column.scale))
    return _LOGICAL.get((column.avro_type, column.logical)) or _PRIMITIVE[column.avro_type]


def _each(render: Callable[[Any], str]) -> Literals:
    return lambda values: [render(value) for value in values]


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


def _decimal(precision: int, scale: int) -> Callable[[bytes], str]:
    """From the unscaled integer's bytes, since a decoder that rounds would change the value in silence."""
    quote = "'" if precision > 65 or scale > 30 else ""  # noqa: PLR2004 - MySQL's limits; wider ones are text columns

    def render(raw: bytes) -> str:
        unscaled = int.from_bytes(raw, "big", signed=True)
        digits = str(abs(unscaled)).rjust(scale + 1, "0")
        if len(digits.lstrip("0")) > precision:
            raise ValueError(f"more than {precision} digits")
        whole, fraction = (digits[:-scale], digits[-scale:]) if scale else (digits, "")
        return f"{quote}{'-' if unscaled < 0 else ''}{whole}{'.' if scale else ''}{fraction}{quote}"

    return render


def _date(days: int) -> str:
    try:
        return f"'{dt.date.fromordinal(_EPOCH_DAY + days).isoformat()}'"
    except (ValueError, OverflowError):
        raise ValueError("a date outside the years 0001 to 9999") from None


def _timestamp(micros_per_unit: int) -> Callable[[int], str]:
    def render(value: int) -> str:
        try:
            moment = _EPOCH + dt.timedelta(microseconds=value * micros_per_unit)
        except OverflowError:
            raise ValueError("a timestamp outside the years 0001 to 9999") from None
        return f"'{moment.isoformat(sep=' ')}'"

    return render


def _time(micros_per_unit: int) -> Callable[[int], str]:
    def render(value: int) -> str:
        seconds, micros = divmod(abs(value) * micros_per_unit, 1_000_000)
        if seconds > _MAX_TIME_SECONDS or (seconds == _MAX_TIME_SECONDS and micros):
            raise ValueError("a time beyond 838:59:59")
        sign = "-" if value < 0 else ""
        return f"'{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micros:06d}'"

    return render


def _uuid(value: str) -> str:
    try:
        well_formed = len(value) == 36 and str(uuid.UUID(value)) == value.lower()  # noqa: PLR2004 - the text form
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError("text that is not a UUID")
    return f"'{value}'"


_LOGICAL: dict[tuple[str, str | None], Literals] = {
    ("int", "date"): _each(_date),
    ("int", "time-millis"): _each(_time(1_000)),
    ("long", "time-micros"): _each(_time(1)),
    ("long", "timestamp-millis"): _each(_timestamp(1_000)),
    ("long", "timestamp-micros"): _each(_timestamp(1)),
    ("long", "local-timestamp-millis"): _each(_timestamp(1_000)),
    ("long", "local-timestamp-micros"): _each(_timestamp(1)),
    ("string", "uuid"): _each(_uuid),
}
_PRIMITIVE: dict[str, Literals] = {
    "boolean": lambda values: ["1" if value else "0" for value in values],
    "int": lambda values: [str(value) for value in values],
    "long": lambda values: [str(value) for value in values],
    "float": _floats,
    "double": _floats,
    "string": _strings,
    "bytes": lambda values: [f"X'{value.hex()}'" for value in values],
    "fixed": lambda values: [f"X'{value.hex()}'" for value in values],
}
