"""Generated Avro types with their values, each written down three times: as bytes, as its column gives it back, as JSON
shows it. Encoding and expectations are this module's own; nothing of rtpipe's, and no Avro library, takes part.
"""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import struct
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st

INT, LONG = st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 63), (1 << 63) - 1)
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME has no zone
SYMBOLS = st.text("ABCxyz_", min_size=1, max_size=70)
_TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
_FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
_DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


@dataclass(frozen=True)
class Value:
    """One value: its bytes in a message, what the column gives, what JSON shows."""

    raw: bytes
    column: Any
    json: Any


@dataclass(frozen=True)
class Kind:
    """One type: its schema as people write it, its name in a union, and its values."""

    schema: Any
    word: str
    values: st.SearchStrategy[Value]


class Kinds:
    """Draws types; every named type gets a name of its own."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._numbers = itertools.count()

    def any(self, depth: int = 0) -> Kind:
        """A type that may hold others, down to a depth of three."""
        plain = [self._primitive, self._logical, self._fixed, self._enum]
        nested = [self._array, self._map, self._record, self._union, self._nullable]
        makers: list[Any] = plain if depth >= 3 else plain + nested
        kind: Kind = self._draw(st.sampled_from(makers))(depth)
        return kind

    def flat(self) -> Kind:
        """A type without parts, or such a one or null."""
        return self._nullable(3) if self._draw(st.booleans()) else self.any(3)

    def _name(self) -> str:
        return f"com.exam.T{next(self._numbers)}"

    def _primitive(self, _: int) -> Kind:
        word = self._draw(st.sampled_from(sorted(PRIMITIVES)))
        return Kind(word, word, PRIMITIVES[word])

    def _logical(self, _: int) -> Kind:
        word = self._draw(st.sampled_from([*LOGICAL, "decimal"]))
        if word == "decimal":
            precision = self._draw(st.integers(1, 65))
            scale = self._draw(st.integers(0, min(precision, 30)))
            schema = _logical("bytes", "decimal", precision=precision, scale=scale)
            numbers = st.integers(1 - 10**precision, 10**precision - 1)
            return Kind(schema, "bytes", numbers.map(lambda unscaled: _decimal(unscaled, scale)))
        base, values = LOGICAL[word]
        return Kind(_logical(base, word), base, values)

    def _fixed(self, _: int) -> Kind:
        name, size = self._name(), self._draw(st.integers(1, 300))
        values = st.binary(min_size=size, max_size=size).map(lambda raw: Value(raw, raw, _base64(raw)))
        return Kind({"type": "fixed", "name": name, "size": size}, name, values)

    def _enum(self, _: int) -> Kind:
        name, symbols = self._name(), self._draw(st.lists(SYMBOLS, min_size=1, max_size=5, unique=True))
        schema = {"type": "enum", "name": name, "symbols": symbols}
        values = st.integers(0, len(symbols) - 1).map(lambda at: Value(number(at), symbols[at], symbols[at]))
        return Kind(schema, name, values)

    def _array(self, depth: int) -> Kind:
        items = self.any(depth + 1)
        values = st.lists(items.values, max_size=3).map(
            lambda found: _nested(_block([one.raw for one in found]), [one.json for one in found])
        )
        return Kind({"type": "array", "items": items.schema}, "array", values)

    def _map(self, depth: int) -> Kind:
        inner = self.any(depth + 1)
        values = st.dictionaries(_TEXT, inner.values, max_size=3).map(
            lambda found: _nested(
                _block([text(key) + one.raw for key, one in found.items()]),
                {key: one.json for key, one in found.items()},
            )
        )
        return Kind({"type": "map", "values": inner.schema}, "map", values)

    def _record(self, depth: int) -> Kind:
        name, inner = self._name(), [self.any(depth + 1) for _ in range(self._draw(st.integers(0, 3)))]
        fields = [{"name": f"f{at}", "type": kind.schema} for at, kind in enumerate(inner)]
        values = st.tuples(*(kind.values for kind in inner)).map(
            lambda found: _nested(
                b"".join(one.raw for one in found), {f"f{at}": one.json for at, one in enumerate(found)}
            )
        )
        return Kind({"type": "record", "name": name, "fields": fields}, name, values)

    def _nullable(self, depth: int) -> Kind:
        inner = self.any(depth + 1)
        while isinstance(inner.schema, list):
            inner = self.any(depth + 1)
        schema = [inner.schema, "null"] if self._draw(st.booleans()) else ["null", inner.schema]
        at = schema.index("null")
        present = inner.values.map(lambda one: Value(number(1 - at) + one.raw, one.column, one.json))
        return Kind(schema, "", st.one_of(st.just(Value(number(at), None, None)), present))

    def _union(self, depth: int) -> Kind:
        branches: dict[str, Kind] = {}
        for _ in range(self._draw(st.integers(2, 4))):
            kind = self.any(depth + 1)
            if not isinstance(kind.schema, list):
                branches[kind.word] = kind
        if len(branches) < 2 or branches.keys() in ({"int", "long"}, {"float", "double"}):
            return self._enum(depth)
        words: list[str] = [*branches]
        if self._draw(st.booleans()):
            words.insert(self._draw(st.integers(0, len(words))), "null")
        values = [_branch(at, word, branches.get(word)) for at, word in enumerate(words)]
        return Kind([branches[word].schema if word in branches else word for word in words], "", st.one_of(values))


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[Value]]]:
    """A record schema of up to five fields, and up to four rows of it."""
    kinds = Kinds(draw)
    inner = [kinds.any() for _ in range(draw(st.integers(1, 5)))]
    fields = [{"name": f"c{at}", "type": kind.schema} for at, kind in enumerate(inner)]
    rows = draw(st.lists(st.tuples(*(kind.values for kind in inner)), min_size=1, max_size=4))
    return {"type": "record", "name": "com.exam.Row", "fields": fields}, [list(row) for row in rows]


@st.composite
def flat_tables(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[Value]]]:
    """The same without values that have parts: some of its fields may be null."""
    kinds = Kinds(draw)
    inner = [kinds.flat() for _ in range(draw(st.integers(1, 5)))]
    fields = [{"name": f"c{at}", "type": kind.schema} for at, kind in enumerate(inner)]
    rows = draw(st.lists(st.tuples(*(kind.values for kind in inner)), min_size=1, max_size=6))
    return {"type": "record", "name": "com.exam.Row", "fields": fields}, [list(row) for row in rows]


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


def _block(parts: list[bytes]) -> bytes:
    """An array or map, whose entries are these."""
    return number(len(parts)) + b"".join(parts) + number(0) if parts else number(0)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _nested(raw: bytes, json: Any) -> Value:
    return Value(raw, json, json)


def _branch(at: int, word: str, kind: Kind | None) -> st.SearchStrategy[Value]:
    if kind is None:
        return st.just(Value(number(at), None, None))
    return kind.values.map(lambda one: _nested(number(at) + one.raw, {word: one.json}))


def _decimal(unscaled: int, scale: int) -> Value:
    exact = Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))
    raw = unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)
    return Value(data(raw), exact, format(exact, "f"))


def _logical(base: str, word: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": word, **more}


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
    "string": _TEXT.map(lambda value: _plain(value, text(value))),
    "bytes": st.binary(max_size=30).map(lambda value: Value(data(value), value, _base64(value))),
}
