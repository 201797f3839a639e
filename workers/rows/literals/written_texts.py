"""Texts for a column of numbers or times that people made: exactly what the column shows of the value in it; pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from avro_schemas.columns.user_column import UserColumn
from avro_schemas.columns.user_limits import TIMESTAMP_SECONDS

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a TIMESTAMP of a session in UTC
_MOST_SECONDS = 838 * 3600 + 59 * 60 + 59
#: The shape of a text, and whether one of that shape is a value of the column.
_Written = tuple[re.Pattern[str], Callable[[str], bool]]


def written(user: UserColumn) -> Callable[[Any], str]:
    """A text that is exactly what the column shows of the number or the time in it."""
    shape, good = _WRITTEN[user.kind](user)

    def literal(text: str) -> str:
        if not shape.fullmatch(text) or not good(text):
            raise ValueError(f"text that is not written as {user.words} shows it")
        return f"'{text}'"

    return literal


def _written_integer(user: UserColumn) -> _Written:
    low, high = user.bounds
    return re.compile(r"0|-?[1-9][0-9]{0,19}"), lambda text: low <= int(text) <= high


def _written_decimal(user: UserColumn) -> _Written:
    precision, scale = user.decimal
    whole = precision - scale
    sign = "" if user.unsigned else "-?"
    before = f"(0|[1-9][0-9]{{0,{whole - 1}}})" if whole else "0"
    shape = re.compile(sign + before + (rf"\.[0-9]{{{scale}}}" if scale else ""))
    return shape, lambda text: not (text.startswith("-") and not Decimal(text))


def _written_year(_: UserColumn) -> _Written:
    return re.compile("[0-9]{4}"), lambda text: text == "0000" or "1901" <= text <= "2155"


def _fraction_shape(user: UserColumn) -> str:
    return rf"\.[0-9]{{{user.digits}}}" if user.digits else ""


def _written_moment(user: UserColumn) -> _Written:
    clock = "" if user.kind == "date" else " [0-9]{2}:[0-9]{2}:[0-9]{2}" + _fraction_shape(user)

    def good(text: str) -> bool:
        try:
            moment = dt.datetime.fromisoformat(text[:19])
        except ValueError:
            return False
        first, last = TIMESTAMP_SECONDS
        return user.kind != "timestamp" or first <= (moment - _EPOCH) // dt.timedelta(seconds=1) <= last

    return re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}" + clock), good


def _written_time(user: UserColumn) -> _Written:
    shape = "-?([0-9]{2}|[1-9][0-9]{2}):[0-5][0-9]:[0-5][0-9]" + _fraction_shape(user)

    def good(text: str) -> bool:
        hours, minutes, seconds = text.lstrip("-").split(":")
        whole = int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds)
        return whole <= _MOST_SECONDS and not (text.startswith("-") and not whole)

    return re.compile(shape), good


_WRITTEN: dict[str, Callable[[UserColumn], _Written]] = {
    "integer": _written_integer,
    "decimal": _written_decimal,
    "year": _written_year,
    "date": _written_moment,
    "datetime": _written_moment,
    "timestamp": _written_moment,
    "time": _written_time,
}
