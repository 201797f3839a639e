"""How many bytes decoded records take at least: as many as they came from, or the bytes say more than the records.

No encoding of a value is shorter than the plain one: each number in as few bytes as it needs, each array in one block
that does not say its size. So bytes that are as many as those of the plain encoding are that encoding, but for a number
of ten bytes, whose last one may hold more than 64 bits; `largest` tells whether there was one. Values are looked at a
field at a time, since there are many records of one schema.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.type_reader import RecordSchema
from avro_schemas.avro.wire_schema import branch_key

Measure = Callable[[Sequence[Any]], int]
#: Bytes of a number whose magnitude has so many bits: one bit more is its sign, and there are seven in a byte.
_BYTES = [(bits + 7) // 7 for bits in range(64)]
_LARGEST = 1 << 62


class Uneven(ValueError):  # noqa: N818 - what the records and the bytes are
    """The values cannot have come from the bytes that their types allow, or nobody can know that."""


class EncodedSize:
    """Measures decoded records of one schema, which is not recursive. Uneven for an int of more than 32 bits.

    With `ints_only` that is all that is looked for, and the sum means nothing.
    """

    def __init__(self, schema: RecordSchema, *, ints_only: bool = False) -> None:
        self._ints_only = ints_only
        self._made: dict[str, Measure | None] = {}
        #: Whether a number of ten bytes was measured since this was set to False.
        self.largest = False
        #: None where there is nothing to look for.
        self.of: Measure | None = self._record(schema.records[schema.name])

    def _record(self, found: FieldType) -> Measure | None:
        if found.name not in self._made:
            fields = [(itemgetter(name), measure) for name, inner in found.fields if (measure := self._type(inner))]
            self._made[found.name] = None if self._ints_only and not fields else _of_fields(fields)
        return self._made[found.name]

    def _type(self, found: FieldType) -> Measure | None:
        if not found.branches:
            return self._single(found)
        if found.avro_type == "union":
            return self._tagged(found)
        values = [branch for branch in found.branches if branch.avro_type != "null"]
        inner = self._single(values[0]) if len(values) == 1 else self._widest(found)
        if inner is None:
            return None if self._ints_only else len
        return lambda given: len(given) + inner([value for value in given if value is not None])

    def _widest(self, found: FieldType) -> Measure | None:
        """Of a union of numbers, of whose values it is not known which branch they came from."""
        if found.avro_type == "long":
            return self._ints
        return None if self._ints_only else _unknown

    def _tagged(self, found: FieldType) -> Measure | None:
        parts = [(branch_key(number), self._single(branch)) for number, branch in enumerate(found.branches)]
        measured = [(key, measure) for key, measure in parts if measure]
        if self._ints_only and not measured:
            return None
        index = _BYTES[(len(parts) - 1).bit_length()]

        def measure(values: Sequence[Any]) -> int:
            if index > 1:
                raise Uneven
            present = [value for value in values if value is not None]
            return len(values) + sum(
                inner([value[key] for value in present if key in value]) for key, inner in measured
            )

        return measure

    def _single(self, found: FieldType) -> Measure | None:
        match found.avro_type:
            case "record":
                return self._record(found)
            case "array":
                return self._blocks(self._inside(found), None)
            case "map":
                return self._blocks(self._inside(found), self._plain("string"))
            case "int":
                return self._ints
            case "fixed":
                return None if self._ints_only else lambda values: found.size * len(values)
            case "enum":
                return None if self._ints_only else self._enum(found.symbols)
        return None if self._ints_only else self._plain(found.avro_type)

    def _inside(self, found: FieldType) -> Measure | None:
        return self._type(found.inner)

    def _blocks(self, inner: Measure | None, keys: Measure | None) -> Measure | None:
        if self._ints_only and not inner:
            return None

        def measure(values: Sequence[Any]) -> int:
            counts = [len(value) for value in values if value]
            parts = chain.from_iterable(values if keys is None else map(dict.values, values))
            total = len(values) + self._numbers(counts) + (inner(list(parts)) if inner else 0)
            return total + (keys(list(chain.from_iterable(values))) if keys else 0)

        return measure

    def _plain(self, word: str) -> Measure:
        match word:
            case "string":
                return self._strings
            case "bytes":
                return lambda values: self._sized(list(map(len, values)))
            case "long":
                return self._numbers
        size = {"null": 0, "boolean": 1, "float": 4, "double": 8}[word]
        return lambda values: size * len(values)

    def _enum(self, symbols: Sequence[str]) -> Measure:
        index = {symbol: number for number, symbol in enumerate(symbols)}
        return lambda values: self._numbers([index[value] for value in values])

    def _strings(self, values: Sequence[str]) -> int:
        if "".join(values).isascii():
            return self._sized(list(map(len, values)))
        return self._sized([len(value.encode()) for value in values])

    def _sized(self, lengths: list[int]) -> int:
        return sum(lengths) + self._numbers(lengths)

    def _ints(self, values: Sequence[int]) -> int:
        try:
            struct.pack(f"={len(values)}i", *values)
        except struct.error:
            raise Uneven from None
        return 0 if self._ints_only else self._numbers(values)

    def _numbers(self, values: Sequence[int]) -> int:
        if not values:
            return 0
        if min(values) < 0:
            values = [value if value >= 0 else ~value for value in values]
        self.largest = self.largest or max(values) >= _LARGEST
        return sum(map(_BYTES.__getitem__, map(int.bit_length, values)))


def _of_fields(fields: Sequence[tuple[Callable[[Any], Any], Measure]]) -> Measure:
    return lambda records: sum(measure(list(map(value_of, records))) for value_of, measure in fields)


def _unknown(values: Sequence[Any]) -> int:
    if values:
        raise Uneven
    return 0
