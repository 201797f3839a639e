"""Generated values of Avro's types without parts, each written down three times: as bytes, as its column gives it back,
as JSON shows it. Encoding and expectations are this module's own; nothing of rtpipe's, and no Avro library, takes part.
"""

from __future__ import annotations

import base64
import datetime as dt
import struct
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st

INT, LONG = st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 63), (1 << 63) - 1)
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME has no zone
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
_FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
_DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


@dataclass(frozen=True)
class Value:
    """One value: its bytes in a message, what the column gives, what JSON shows."""

    raw: bytes
    column: Any
    json: Any


def number(value: int) -> bytes:
    """An int or long: zigzag, seven bits a byte."""
    value, out = (value << 1) ^ (value >> 63), bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: str) -> bytes:
    """A string."""
    return data(value.encode())


def data(value: bytes) -> bytes:
    """Bytes."""
    return number(len(value)) + value


def block(parts: list[bytes]) -> bytes:
    """An array or map, whose entries are these."""
    return number(len(parts)) + b"".join(parts) + number(0) if parts else number(0)


def base64_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def nested(raw: bytes, json: Any) -> Value:
    return Value(raw, json, json)


def decimal_of(unscaled: int, scale: int) -> Value:
    exact = Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))
    raw = unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)
    return Value(data(raw), exact, format(exact, "f"))


def _moment(unit: int, zone: str) -> st.SearchStrategy[Value]:
    digits = "milliseconds" if unit == 1_000 else "microseconds"

    def value(moment: dt.datetime) -> Value:
        micros = (moment - EPOCH) // dt.timedelta(microseconds=1) // unit * unit
        exact = EPOCH + dt.timedelta(microseconds=micros)
        return Value(number(micros // unit), exact, exact.isoformat("T", digits) + zone)

    return st.datetimes().map(value)


def _time(unit: int, digits: int) -> st.SearchStrategy[Value]:
    def value(moment: dt.time) -> Value:
        micros = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond
        micros -= micros % unit
        shown = f"{moment:%H:%M:%S}.{micros % 1_000_000:06d}"[: 9 + digits]
        return Value(number(micros // unit), dt.timedelta(microseconds=micros), shown)

    return st.times().map(value)


def _uuid(found: uuid.UUID) -> Value:
    return Value(text(str(found)), str(found), str(found))


def _day(day: dt.date) -> Value:
    return Value(number((day - EPOCH.date()).days), day, day.isoformat())


def _plain(value: Any, raw: bytes) -> Value:
    return Value(raw, value, value)


#: Logical type -> base type, values.
LOGICAL: dict[str, tuple[str, st.SearchStrategy[Value]]] = {
    "date": ("int", st.dates().map(_day)),
    "time-millis": ("int", _time(1_000, 3)),
    "time-micros": ("long", _time(1, 6)),
    "timestamp-millis": ("long", _moment(1_000, "Z")),
    "timestamp-micros": ("long", _moment(1, "Z")),
    "local-timestamp-millis": ("long", _moment(1_000, "")),
    "local-timestamp-micros": ("long", _moment(1, "")),
    "uuid": ("string", st.uuids().map(_uuid)),
    "timestamp-nanos": ("long", LONG.map(lambda value: _plain(value, number(value)))),
}
PRIMITIVES: dict[str, st.SearchStrategy[Value]] = {
    "boolean": st.booleans().map(lambda value: Value(bytes([value]), int(value), value)),
    "int": INT.map(lambda value: _plain(value, number(value))),
    "long": LONG.map(lambda value: _plain(value, number(value))),
    "float": _FLOATS.map(lambda value: _plain(value, struct.pack("<f", value))),
    "double": _DOUBLES.map(lambda value: _plain(value, struct.pack("<d", value))),
    "string": TEXT.map(lambda value: _plain(value, text(value))),
    "bytes": st.binary(max_size=30).map(lambda value: Value(data(value), value, base64_of(value))),
}
