from __future__ import annotations

import io
import itertools
import math
import random
import re
import time
import uuid
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.type_reader import read_record
from avro_schemas.avro.wire_format import HEADER_SIZE
from avro_schemas.avro.wire_schema import wire_schema
from workers.produce import lane as lane_module
from workers.produce.lane import SEEDED_START, one_by_one, taker
from workers.produce.order import LANES, TopicPlan
from workers.produce.samples import Sample, drawn, drawn_in_lane, key_text, sample_of, sometimes_null

KINDS: dict[str, Any] = {
    "boolean": "boolean",
    "int": "int",
    "long": "long",
    "created_at": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "short": {"type": "string", "maxLength": 2},
    "empty": "null",
    "bytes": "bytes",
    "fixed": {"type": "fixed", "name": "four", "size": 4},
    "price": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 3},
    "huge": {"type": "bytes", "logicalType": "decimal", "precision": 70, "scale": 70},
    "digit": {"type": "fixed", "name": "one", "size": 1, "logicalType": "decimal", "precision": 1},
    "date": {"type": "int", "logicalType": "date"},
    "time-millis": {"type": "int", "logicalType": "time-millis"},
    "time-micros": {"type": "long", "logicalType": "time-micros"},
    "timestamp-millis": {"type": "long", "logicalType": "timestamp-millis"},
    "local-timestamp-micros": {"type": "long", "logicalType": "local-timestamp-micros"},
    "uuid": {"type": "string", "logicalType": "uuid"},
    "uuid16": {"type": "fixed", "name": "sixteen", "size": 16, "logicalType": "uuid"},
    "nullable": ["null", "int"],
    "enum": {"type": "enum", "name": "colour", "symbols": ["RED", "GREEN", "BLUE"]},
    "number": ["int", "long"],
    "big": {"type": "bytes", "logicalType": "big-decimal"},
    "nanos": {"type": "long", "logicalType": "timestamp-nanos"},
}
OTHERS: list[dict[str, Any]] = [
    {"name": "word", "type": "string"},
    {"name": "ended_at", "type": ["null", "long"]},
    {"name": "last", "type": "double"},
]


def _branches(kind: Any) -> list[Any]:
    """The branches of a union, without null; or the one that a type is."""
    return [one for one in (kind if isinstance(kind, list) else [kind]) if one != "null"]


NOW = 1_700_000_000_123_456_789


def type_of(name: str) -> FieldType:
    return read_record(record(name)).fields[0][1]


def record(*names: str) -> dict[str, Any]:
    return {"type": "record", "name": "r", "fields": [{"name": name, "type": KINDS[name]} for name in names]}


def sample_for(name: str) -> Sample:
    return sample_of(type_of(name), field=name)


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_every_value_fits_its_type_and_no_two_numbers_share_one(name: str, data: st.DataObject) -> None:
    sample = sample_for(name)
    numbers = data.draw(st.lists(st.integers(0, sample.size - 1), min_size=1, max_size=9, unique=True))
    values = [sample.value(number) for number in numbers]
    assert len(set(values)) == len(values)
    schema = fastavro.parse_schema(wire_schema(read_record(record(name))))
    for value in values:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, {name: value})
        out.seek(0)
        assert fastavro.schemaless_reader(out, schema, None) == {name: value}


@pytest.mark.parametrize("name", KINDS)
def test_lanes_share_the_values(name: str) -> None:
    sample = sample_for(name)
    lanes = 1
    while lanes < LANES and sample.size % (2 * lanes) == 0:
        lanes *= 2
    lane_of: dict[Any, int] = {}
    for lane in range(lanes):
        draw = drawn_in_lane(sample, random.Random(lane), lambda: NOW, lane, lanes)
        for _ in range(50):
            assert lane_of.setdefault(draw(), lane) == lane


def test_values_look_like_the_original_ones() -> None:
    rng = random.Random(1)
    value: dict[str, Any] = {name: drawn(sample_for(name), rng, lambda: NOW)() for name in KINDS}
    assert re.fullmatch(r"[A-Za-z]{6}", value["string"])
    assert re.fullmatch(r"[A-Za-z]{2}", value["short"])
    assert 0 <= value["double"] < 1
    assert value["created_at"] == 1_700_000_000_123
    assert value["timestamp-millis"] == 1_700_000_000_123
    assert value["local-timestamp-micros"] == 1_700_000_000_123_456
    assert uuid.UUID(value["uuid"]).version == 4
    assert uuid.UUID(value["uuid"]).variant == uuid.RFC_4122


@given(st.integers(0, (1 << 122) - 1))
def test_every_uuid_is_a_random_one(number: int) -> None:
    made = uuid.UUID(str(sample_for("uuid").value(number)))
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_keys_are_text() -> None:
    texts = {
        "string": ("ä", "ä".encode()),
        "int": (-5, b"-5"),
        "double": (0.5, b"0.5"),
        "boolean": (True, b"true"),
        "bytes": (b"\xff\x00", b"/wA="),
        "price": ((-12_345).to_bytes(5, "big", signed=True), b"-12.345"),
        "huge": ((10**69).to_bytes(30, "big", signed=True), b"0.1" + b"0" * 69),
    }
    for name, (value, text) in texts.items():
        assert key_text(type_of(name))(value) == text


def test_decimals_reach_both_signs() -> None:
    sample = sample_for("price")
    value: Any = sample.value
    found = [int.from_bytes(value(n), "big", signed=True) for n in (0, 1, 3, sample.size - 1)]
    assert found == [0, 1, -3, -(10**10 - 1)]


def test_a_tenth_is_null() -> None:
    draw = sometimes_null(lambda: 1, random.Random(3))
    assert 50 < [draw() for _ in range(1_000)].count(None) < 150


SCHEMA = {
    "type": "record",
    "name": "t",
    "fields": [{"name": "key", "type": ["null", "string"]}, {"name": "timestamp", "type": "long"}],
}


def test_a_lane_makes_the_same_messages_for_the_same_seed() -> None:
    plan = TopicPlan("t", SCHEMA, 258, "key", LANES)
    made = list(taker(plan, 3, 1)(5))
    assert made == list(taker(plan, 3, 1)(5))
    assert made[0] != next(iter(taker(plan, 3, 2)(1)))
    parsed = fastavro.parse_schema(SCHEMA)
    for number, (key, value) in enumerate(made):
        assert value[:HEADER_SIZE] == b"\x00\x00\x00\x01\x02"
        row = fastavro.schemaless_reader(io.BytesIO(value[HEADER_SIZE:]), parsed, None)
        assert row == {"key": key.decode(), "timestamp": SEEDED_START // 1_000_000 + number}


def test_a_key_by_time_keeps_to_its_lane() -> None:
    plan = TopicPlan("t", SCHEMA, 1, "timestamp", LANES)
    for lane in range(LANES):
        assert {int(key) % LANES for key, _ in taker(plan, lane, None)(3)} == {lane}


def test_without_a_seed_the_time_is_now() -> None:
    before = time.time_ns() // 1_000_000
    take = taker(TopicPlan("t", SCHEMA, 1, "timestamp", 1), 0, None)
    sent = [*take(2), *take(2)]
    made = [int(key) for key, _ in sent]
    parsed = fastavro.parse_schema(SCHEMA)
    rows: list[Any] = [fastavro.schemaless_reader(io.BytesIO(value[HEADER_SIZE:]), parsed, None) for _, value in sent]
    assert [row["timestamp"] for row in rows] == made
    assert [before, *made, time.time_ns() // 1_000_000] == sorted([before, *made, time.time_ns() // 1_000_000])


#: Every type alone, beside null in either place, as the only type of a union.
PLAIN = {
    f"{name}{suffix}": {"type": "record", "name": "r", "fields": [{"name": name, "type": kind}, *OTHERS]}
    for name, single in KINDS.items()
    for suffix, kind in {
        "": single,
        " or null": [*_branches(single), "null"],
        " after null": ["null", *_branches(single)],
        " alone": [single] if isinstance(single, str | dict) else single,
    }.items()
}


@pytest.mark.parametrize("key", ["name", "word"])
@pytest.mark.parametrize("schema", PLAIN.values(), ids=PLAIN.keys())
def test_messages_by_columns_are_those_that_are_made_one_by_one(schema: dict[str, Any], key: str) -> None:
    field = schema["fields"][0]["name"] if key == "name" else key
    found = next(found for given, found in read_record(schema).fields if given["name"] == field)
    lanes = math.gcd(sample_of(found, field=field).size, LANES)
    plan = TopicPlan("t", schema, 2**31, field, lanes)
    take, single = taker(plan, lanes - 1, 9), one_by_one(plan, lanes - 1, 9)
    for count in (1, 0, 2, 300):
        assert list(take(count)) == list(itertools.islice(single, count))


def test_only_messages_with_parts_are_made_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    single = (b"key", b"made one by one")
    monkeypatch.setattr(lane_module, "one_by_one", lambda *_: itertools.repeat(single))
    assert single not in list(taker(TopicPlan("t", SCHEMA, 1, "key", 1), 0, 1)(2))
    for kind in ({"type": "array", "items": "int"}, ["int", "string"], ["int", "long"]):
        parts = {**SCHEMA, "fields": [*SCHEMA["fields"], {"name": "more", "type": kind}]}
        assert list(taker(TopicPlan("t", parts, 1, "key", 1), 0, 1)(2)) == [single] * 2


def test_decimal_samples_are_decimals_to_fastavro() -> None:
    schema = fastavro.parse_schema(KINDS["price"])
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema("bytes"), sample_for("price").value(9_999))
    body.seek(0)
    assert fastavro.schemaless_reader(body, schema, None) == Decimal("-9.999")
