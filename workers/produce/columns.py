"""Fields of many messages at once for `rtpipe produce`: what to ask the generator, and bytes of what it gave.

Only fields without parts. The bytes are those that fastavro writes for one message after another, made in loops that
call few functions of Python for a value.
"""

from __future__ import annotations

import io
import operator
import random
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import fastavro

from avro_schemas.avro.field_types import FieldType
from workers.produce.samples import Sample, in_lane, key_text, sample_of, sometimes_null, source

Drawn = Sequence[Any]
Encode = Callable[[Drawn], Sequence[bytes]]

_LONGS = fastavro.parse_schema({"type": "array", "items": "long"})
_VARINT = re.compile(rb"[\x80-\xff]*[\x00-\x7f]")
_PACK = {"double": struct.Struct("<d").pack, "float": struct.Struct("<f").pack}


@dataclass(frozen=True, slots=True)
class Column:
    """One field: `draw` asks the generator for one message, `encode` makes bytes of what was drawn for many.

    A field with a time (`timed`) is encoded from the messages' instants; its `draw`, if there is one, gives None where
    the field is null. `prefix` stands before the bytes of each: a union's index, a length that all values have.
    """

    draw: Callable[[], Any] | None
    encode: Encode
    prefix: bytes
    timed: bool


def is_plain(found: FieldType) -> bool:
    """Whether a field of this type can be a column: it has no parts, and at most one type beside null."""
    return not found.nested and sum(branch.avro_type != "null" for branch in found.branches) <= 1


def column_of(found: FieldType, field: str, rng: random.Random) -> Column:
    """A field, with nulls where it may be null."""
    sample = sample_of(found, field=field)
    column = _column(found, sample, rng, lambda numbers: numbers)
    if found.avro_type == "double":  # what was drawn is the value: its number and back again is a longer way to it
        column = replace(column, encode=lambda shares: list(map(_PACK["double"], shares)))
    return _with_nulls(found, column, rng) if found.nullable and found.avro_type != "null" else column


def key_column_of(
    found: FieldType, field: str, rng: random.Random, lane: int, lanes: int
) -> tuple[Column, Encode | None]:
    """The key's field, never null, of the values whose number is `lane` modulo `lanes`.

    And what makes keys of the same draws; None where they are the very bytes of the column.
    """
    sample = sample_of(found, field=field)
    column = _column(found, sample, rng, lambda numbers: in_lane(numbers, lane, lanes))
    if found.avro_type == "string":
        return column, None
    numbers, value, text = source(sample, rng)[1], sample.value, key_text(found)
    return column, lambda drawn: [text(value(number)) for number in in_lane(numbers(drawn), lane, lanes)]


def _column(found: FieldType, sample: Sample, rng: random.Random, chosen: Callable[[Drawn], Drawn]) -> Column:
    """A field without nulls, of those numbers of the sample that `chosen` makes of the numbers drawn."""
    draw, numbers = source(sample, rng)
    encode = _encoder(found, sample)
    prefix = b"".join(_varint(i) for i, branch in enumerate(found.branches) if branch.avro_type == found.avro_type)
    if found.avro_type in {"string", "bytes"}:  # all values of a sample have one length
        prefix += _varint(len(encode((0,))[0]))
    return Column(draw, lambda drawn: encode(chosen(numbers(drawn))), prefix, timed=draw is None)


def _with_nulls(found: FieldType, column: Column, rng: random.Random) -> Column:
    null = next(_varint(i) for i, branch in enumerate(found.branches) if branch.avro_type == "null")

    def encode(drawn: Drawn) -> list[bytes]:
        there = column.encode([one for one in drawn if one is not None])
        values = map(operator.add, repeat(column.prefix), there)
        return [null if one is None else next(values) for one in drawn]

    return Column(sometimes_null(column.draw or (lambda: True), rng), encode, b"", column.timed)


def _encoder(found: FieldType, sample: Sample) -> Encode:
    """What makes the bytes of many numbers, without a length that all have."""
    value: Callable[[int], Any] = sample.value
    match found.avro_type:
        case "enum":
            return _varints
        case "int" | "long":
            return _times if sample.per_second else lambda numbers: _varints(list(map(value, numbers)))
        case "double" | "float":
            pack = _PACK[found.avro_type]
            return lambda numbers: list(map(pack, map(value, numbers)))
        case "boolean":
            return lambda numbers: [b"\x01" if number else b"\x00" for number in numbers]
        case "null":
            return lambda numbers: [b""] * len(numbers)
        case "string":
            return sample.utf8 or (lambda numbers: [value(number).encode() for number in numbers])
    return lambda numbers: list(map(value, numbers))  # bytes and fixed


def _times(numbers: Sequence[int]) -> list[bytes]:
    """Times go forward, and many are the same."""
    same = bool(numbers) and numbers[0] == numbers[-1]
    return _varints(numbers[:1]) * len(numbers) if same else _varints(numbers)


def _varints(numbers: Sequence[int]) -> list[bytes]:
    """Each number as Avro writes a long; fastavro writes them as one array, whose count and end are left out."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, _LONGS, numbers)
    return _VARINT.findall(out.getvalue())[1:-1]


def _varint(number: int) -> bytes:
    return _varints((number,))[0]
