"""Sample values for Avro fields, in the producer's processes: what `rtpipe produce` fills its messages with.

A `Sample` numbers the values of one type, 0 to size - 1, so that a lane (see `producer_process`) can own every n-th
number and thereby every n-th key. Values are what fastavro writes for a schema *without* logical types (wire_schema):
integers for times, bytes for decimals; quicker, and free of its conversions.
"""

from __future__ import annotations

import base64
import itertools
import random
import re
import string
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from avro_schemas.avro.field_types import FieldType

Value = str | int | float | bool | bytes | None
Clock = Callable[[], int]  #: nanoseconds since 1970
Numbers = Callable[[Sequence[Any]], Sequence[int]]

WORD_LENGTH = 6  #: letters in a string, as the original's `OlJooL`, or bytes
NULL_SHARE = 0.1  #: of a nullable field's values
DAYS = 47_472  #: of sample dates, 1970 to 2099; a multiple of 16, as lanes like it
BIG_DECIMALS = 1 << 40  #: different samples of a big-decimal
EXACT = 1 << 53  #: up to here random() reaches every integer
NANOS = 1_000_000_000

_LETTERS = string.ascii_letters
_PAIRS = ["".join(letters) for letters in itertools.product(_LETTERS, repeat=2)]  # few enough for a core's cache
_PAIRS_UTF8 = [pair.encode() for pair in _PAIRS]
_TIMELIKE = re.compile(r"timestamp|(^|_)(ts|time|at)(_?(ms|millis))?$", re.IGNORECASE)
_PER_SECOND = {"millis": 1_000, "micros": 1_000_000, "nanos": NANOS}
_RANGES = {"int": 1 << 32, "long": 1 << 64}


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one type: `value(n)` for 0 <= n < size; with `per_second`, n is the time now in such units.

    `utf8`, where it is there, are the values of many numbers in UTF-8, made sooner than one by one.
    """

    size: int
    value: Callable[[int], Value]
    per_second: int = 0
    utf8: Callable[[Sequence[int]], list[bytes]] | None = None


def sample_of(found: FieldType, *, field: str) -> Sample:
    """The values for a field of this type (of a nullable one: its values but null); its name tells a time in a long.

    The type has no parts: nested_samples.py makes those that have.
    """
    kind = (found.logical or "").removeprefix("local-")
    unit = _PER_SECOND.get(kind.rpartition("-")[2], 0)
    if kind.startswith("timestamp-"):
        return Sample(1 << 62, int, unit)
    if kind.startswith("time-"):
        return Sample(86_400 * unit, int)
    if kind == "date":
        return Sample(DAYS, int)
    if kind == "decimal":
        return _decimal(found)
    if kind == "big-decimal":
        return Sample(BIG_DECIMALS, _big_decimal)
    if kind == "uuid" and found.avro_type == "string":
        return Sample(1 << 122, _uuid_text)
    return _plain(found, field)


def drawn(sample: Sample, rng: random.Random, clock: Clock) -> Callable[[], Value]:
    """A function that gives one value after another."""
    return _drawn(sample, rng, clock, lambda numbers: numbers)


def drawn_in_lane(sample: Sample, rng: random.Random, clock: Clock, lane: int, lanes: int) -> Callable[[], Value]:
    """As `drawn`, of the values whose number is `lane` modulo `lanes` (a divisor of the size)."""
    return _drawn(sample, rng, clock, lambda numbers: in_lane(numbers, lane, lanes))


def in_lane(numbers: Sequence[int], lane: int, lanes: int) -> list[int]:
    """Each number moved within its `lanes` numbers to the one that is `lane` modulo `lanes`."""
    return [n - n % lanes + lane for n in numbers]


def source(sample: Sample, rng: random.Random) -> tuple[Callable[[], Any] | None, Numbers]:
    """What to ask the generator for each of a sample's numbers, and what makes numbers of many such answers.

    For a time there is nothing to ask: its numbers are made of instants, in nanoseconds since 1970.
    """
    size, bits = sample.size, sample.size.bit_length() - 1
    if sample.per_second:
        unit = NANOS // sample.per_second
        return None, lambda instants: [instant // unit for instant in instants]
    if size <= EXACT:
        return rng.random, lambda shares: [int(share * size) for share in shares]
    if size == 1 << bits:
        return partial(rng.getrandbits, bits), lambda numbers: numbers
    return partial(rng.randrange, size), lambda numbers: numbers


def sometimes_null(draw: Callable[[], Value], rng: random.Random) -> Callable[[], Value]:
    """The values of `draw`, with one null in ten."""
    return lambda: None if rng.random() < NULL_SHARE else draw()


def key_text(found: FieldType) -> Callable[[Any], bytes]:
    """How a value of this type becomes a message's key: its text in UTF-8 (bytes in base64, decimals in digits)."""
    if found.logical == "decimal":
        return lambda raw: _decimal_text(int.from_bytes(raw, "big", signed=True), found.scale).encode()
    if found.avro_type in {"string", "enum"}:
        return str.encode
    if found.avro_type in {"bytes", "fixed"}:
        return base64.b64encode
    if found.avro_type == "boolean":
        return lambda value: b"true" if value else b"false"
    return lambda value: str(value).encode()


def _drawn(sample: Sample, rng: random.Random, clock: Clock, chosen: Numbers) -> Callable[[], Value]:
    draw, numbers = source(sample, rng)
    ask, value = draw or clock, sample.value
    return lambda: value(chosen(numbers((ask(),)))[0])


def _plain(found: FieldType, field: str) -> Sample:
    name = found.avro_type
    if name == "string":
        return _letters(min(WORD_LENGTH, found.size or WORD_LENGTH))
    if name == "bytes":
        return _bytes(min(WORD_LENGTH, found.size or WORD_LENGTH))
    if name == "fixed":
        return _bytes(found.size)
    if name == "enum":
        return Sample(len(found.symbols), lambda n: found.symbols[n])
    if name == "long" and _TIMELIKE.search(field):
        return Sample(1 << 62, int, 1_000)
    if name in _RANGES:
        half = _RANGES[name] >> 1
        return Sample(_RANGES[name], lambda n: n - half)
    samples = {
        "double": Sample(EXACT, lambda n: n / EXACT),
        "float": Sample(1 << 24, lambda n: n / (1 << 24)),
        "boolean": Sample(2, bool),
        "null": Sample(1, lambda _: None),
    }
    return samples[name]


def _letters(length: int) -> Sample:
    if length == WORD_LENGTH:
        pairs, squared, text, utf8 = len(_PAIRS), len(_PAIRS) ** 2, _PAIRS, _PAIRS_UTF8
        return Sample(
            pairs**3,
            lambda n: text[n // squared] + text[n // pairs % pairs] + text[n % pairs],
            utf8=lambda numbers: [utf8[n // squared] + utf8[n // pairs % pairs] + utf8[n % pairs] for n in numbers],
        )
    base = len(_LETTERS)
    return Sample(base**length, lambda n: "".join(_LETTERS[n // base**place % base] for place in range(length)))


def _bytes(length: int) -> Sample:
    return Sample(1 << (8 * length), lambda n: n.to_bytes(length, "big"))


def _decimal(found: FieldType) -> Sample:
    """Unscaled values in two's complement, a third of them negative, of all digits that the precision allows."""
    limit = 10**found.precision
    width = found.size if found.avro_type == "fixed" else (limit.bit_length() + 8) // 8
    return Sample(limit, lambda n: (n if n % 3 else -n).to_bytes(width, "big", signed=True))


def _big_decimal(number: int) -> bytes:
    """Eight bytes of digits and a scale of 0 to 7, each in Avro's own form."""
    unscaled, scale = number - BIG_DECIMALS // 2, number % 8
    return b"\x10" + unscaled.to_bytes(8, "big", signed=True) + bytes([2 * scale])


def _decimal_text(unscaled: int, scale: int) -> str:
    return format(Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale)), "f")


def _uuid_text(number: int) -> str:
    """A random (version 4) UUID of 122 bits."""
    high, low = number >> 62, number & ((1 << 62) - 1)
    return str(uuid.UUID(int=(high >> 12 << 16 | 4 << 12 | high & 0xFFF) << 64 | 2 << 62 | low))
