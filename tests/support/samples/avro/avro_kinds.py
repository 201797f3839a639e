"""Generated Avro types, nested as deep as one likes, with their values."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st

from tests.support.samples.avro_values import (
    LOGICAL,
    PRIMITIVES,
    TEXT,
    Value,
    base64_of,
    block,
    decimal_of,
    nested,
    number,
    text,
)

SYMBOLS = st.text("ABCxyz_", min_size=1, max_size=70)


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
            return Kind(schema, "bytes", numbers.map(lambda unscaled: decimal_of(unscaled, scale)))
        base, values = LOGICAL[word]
        return Kind(_logical(base, word), base, values)

    def _fixed(self, _: int) -> Kind:
        name, size = self._name(), self._draw(st.integers(1, 300))
        values = st.binary(min_size=size, max_size=size).map(lambda raw: Value(raw, raw, base64_of(raw)))
        return Kind({"type": "fixed", "name": name, "size": size}, name, values)

    def _enum(self, _: int) -> Kind:
        name, symbols = self._name(), self._draw(st.lists(SYMBOLS, min_size=1, max_size=5, unique=True))
        schema = {"type": "enum", "name": name, "symbols": symbols}
        values = st.integers(0, len(symbols) - 1).map(lambda at: Value(number(at), symbols[at], symbols[at]))
        return Kind(schema, name, values)

    def _array(self, depth: int) -> Kind:
        items = self.any(depth + 1)
        values = st.lists(items.values, max_size=3).map(
            lambda found: nested(block([one.raw for one in found]), [one.json for one in found])
        )
        return Kind({"type": "array", "items": items.schema}, "array", values)

    def _map(self, depth: int) -> Kind:
        inner = self.any(depth + 1)
        values = st.dictionaries(TEXT, inner.values, max_size=3).map(
            lambda found: nested(
                block([text(key) + one.raw for key, one in found.items()]),
                {key: one.json for key, one in found.items()},
            )
        )
        return Kind({"type": "map", "values": inner.schema}, "map", values)

    def _record(self, depth: int) -> Kind:
        name, inner = self._name(), [self.any(depth + 1) for _ in range(self._draw(st.integers(0, 3)))]
        fields = [{"name": f"f{at}", "type": kind.schema} for at, kind in enumerate(inner)]
        values = st.tuples(*(kind.values for kind in inner)).map(
            lambda found: nested(
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


def _branch(at: int, word: str, kind: Kind | None) -> st.SearchStrategy[Value]:
    if kind is None:
        return st.just(Value(number(at), None, None))
    return kind.values.map(lambda one: nested(number(at) + one.raw, {word: one.json}))


def _logical(base: str, word: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": word, **more}
