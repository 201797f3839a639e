"""Avro's logical values as text, the same in a column of their own and inside JSON: nothing is changed in silence.

Values come as a decoder that knows no logical types hands them over: ints, str, bytes. A value that its type cannot
hold, or a column not take exactly, raises ValueError with words that do not quote it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal

from avro_schemas.columns.column_types import BIG_DECIMAL
from workers.rows.decoding.avro_cursor import Cursor, Malformed

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME columns hold UTC without a zone
_EPOCH_DAY = _EPOCH.toordinal()
_MAX_TIME_SECONDS = 838 * 3600 + 59 * 60 + 59
_MICROS = {"millis": 1_000, "micros": 1}
_UUID_LENGTH = 36


def decimal_text(precision: int, scale: int) -> Callable[[bytes], str]:
    """From the unscaled integer's bytes, since a decoder that rounds would change the value in silence."""

    def text(raw: bytes) -> str:
        unscaled = int.from_bytes(raw, "big", signed=True)
        digits = str(abs(unscaled)).rjust(scale + 1, "0")
        if len(digits.lstrip("0")) > precision:
            raise ValueError(f"more than {precision} digits")
        whole, fraction = (digits[:-scale], digits[-scale:]) if scale else (digits, "")
        return f"{'-' if unscaled < 0 else ''}{whole}{'.' if scale else ''}{fraction}"

    return text


def big_decimal_text(raw: bytes) -> str:
    """Digits and scale as Java's BigDecimal writes them: 1.50, 1E+3."""
    body = Cursor(raw)
    try:
        digits, scale = body.sized("digits"), body.number("a scale")
    except Malformed as why:
        raise ValueError(f"bytes that are no big-decimal: {why.what}") from None
    if body.at != len(raw) or not -(1 << 31) <= scale < 1 << 31:
        raise ValueError("bytes left over after a big-decimal, or a scale beyond 32 bits")
    unscaled = int.from_bytes(digits, "big", signed=True)
    if len(digits) > BIG_DECIMAL:  # so many bytes are more digits; and Python turns no longer number into text
        raise ValueError(f"a big-decimal of more than {BIG_DECIMAL} characters")
    text = str(Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale)))
    if len(text) > BIG_DECIMAL:
        raise ValueError(f"a big-decimal of more than {BIG_DECIMAL} characters")
    return text


def date_text(days: int) -> str:
    """2024-01-31."""
    try:
        return dt.date.fromordinal(_EPOCH_DAY + days).isoformat()
    except (ValueError, OverflowError):
        raise ValueError("a date outside the years 0001 to 9999") from None


def timestamp_text(unit: str, separator: str) -> Callable[[int], str]:
    """2024-01-31 12:00:00.123, with as many digits as the `unit` (millis or micros) has."""
    micros, timespec = _MICROS[unit], f"{unit[:5]}seconds"

    def text(value: int) -> str:
        try:
            moment = _EPOCH + dt.timedelta(microseconds=value * micros)
        except OverflowError:
            raise ValueError("a timestamp outside the years 0001 to 9999") from None
        return moment.isoformat(separator, timespec)

    return text


def time_text(unit: str) -> Callable[[int], str]:
    """12:00:00.123; a TIME may be negative, and up to 838 hours."""
    factor, digits = _MICROS[unit], 3 if unit == "millis" else 6

    def text(value: int) -> str:
        seconds, micros = divmod(abs(value) * factor, 1_000_000)
        if seconds > _MAX_TIME_SECONDS or (seconds == _MAX_TIME_SECONDS and micros):
            raise ValueError("a time beyond 838:59:59")
        sign, fraction = "-" if value < 0 else "", f"{micros:06d}"[:digits]
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction}"

    return text


def uuid_text(value: str) -> str:
    """The text as it was sent, if it is a UUID's."""
    try:
        well_formed = len(value) == _UUID_LENGTH and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError("text that is not a UUID")
    return value


def uuid_of_bytes(value: bytes) -> str:
    """The 36 characters of a UUID in 16 bytes."""
    return str(uuid.UUID(bytes=value))
