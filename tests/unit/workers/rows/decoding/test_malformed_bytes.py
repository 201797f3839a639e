"""Bytes that Avro does not allow never become a value: every reader's verdict is that of an independent decoder."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avro_schemas.avro.type_reader import read_record
from tests.support.samples.avro.avro_kinds import tables
from tests.support.samples.avro.reference_decoder import NotAvro, decoded
from tests.support.samples.avro_values import Value, data, number, text
from workers.contract.packed_bytes import PackedBytes
from workers.rows.decoding.message_decoder import MessageDecoder
from workers.rows.decoding.strict_reader import StrictReader

HEADER = b"\0\0\0\0\1"
LEAST = -(1 << 63)
LONGS = {"type": "array", "items": "long"}
#: `make faults` tries hundreds of times as many.
SCHEDULES = int(os.environ.get("RTPIPE_SCHEDULES", "300"))
REFUSED = "refused"


def record(*types: Any) -> dict[str, Any]:
    fields = [{"name": f"f{at}", "type": kind} for at, kind in enumerate(types)]
    return {"type": "record", "name": "Row", "fields": fields}


def verdicts(schema: Any, bodies: list[bytes]) -> list[Any]:
    """What the decoder makes of each body, among others and alone, which must be the same: a record, or "refused"."""
    decoder, strict = MessageDecoder(schema), StrictReader(read_record(schema))
    names = [field["name"] for field in schema["fields"]]
    records, problems = decoder.records(PackedBytes([HEADER + body for body in bodies]), range(len(bodies)))
    good = iter(records)
    together = [REFUSED if at in problems else shown(next(good), names) for at in range(len(bodies))]
    for body, found in zip(bodies, together, strict=True):
        for read, message in ((decoder, HEADER + body), (strict, body)):
            try:
                alone: Any = shown(read(message), names)
            except ValueError as why:
                alone = REFUSED if "Error" not in str(why) else str(why)
            assert alone == found, body.hex()
    return together


def shown(found: dict[str, Any], names: list[str]) -> str:
    """Without the mark; as text, since NaN is unlike itself, and 1 is like true."""
    return repr({name: found[name] for name in names})


def expected(schema: Any, body: bytes) -> str:
    try:
        return repr(decoded(schema, body))
    except NotAvro:
        return REFUSED


def mutants(body: bytes) -> Iterator[bytes]:
    """Each byte changed to its neighbours, to what a number below zero or a longer one begins with, doubled, gone."""
    for at, byte in enumerate(body):
        changed = {byte ^ 1, byte ^ 0x80, (byte + 1) % 256, (byte - 2) % 256, 0, 1, 2, 3, 0x7F, 0x80, 0x81, 0xFF}
        yield from (body[:at] + bytes([new]) + body[at + 1 :] for new in changed - {byte})
        yield body[:at] + body[at + 1 :]
        yield body[:at] + body[at : at + 1] * 2 + body[at + 1 :]
        for longer in (b"\x80\0", b"\x81\0", b"\x80" * 9 + b"\1", b"\xff" * 9 + b"\1", b"\xff" * 9 + b"\3"):
            yield body[:at] + longer + body[at + 1 :]
        yield body[:at] + b"\x80" * 12 + b"\2" + body[at + 1 :]


SUIT = {"type": "enum", "name": "Suit", "symbols": ["SPADES", "HEARTS", "CLUBS"]}
POINT = {
    "type": "record",
    "name": "Point",
    "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": ["null", "int"]}],
}
NODE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "n", "type": "int"}, {"name": "next", "type": ["null", "Node"]}],
}
ONE_AND_TWO = number(2) + number(1) + number(2) + number(0)
#: Schemas with a valid body each.
VALID: list[tuple[str, Any, bytes]] = [
    ("flat", record("string", "long", "double", "string"),
     text("key") + number(1 << 40) + struct.pack("<d", 0.7) + text("ab")),
    ("int", record("int", "string"), number(-(1 << 31)) + text("")),
    ("ints in parts", record(POINT, ["null", "int"]), number(3) + number(1) + number(4) + number(0)),
    ("flags", record("boolean", ["null", "boolean"], "boolean"), b"\1" + number(1) + b"\0" + b"\1"),
    ("enum", record(SUIT, ["null", "Suit"], ["Suit", "null"]), number(2) + number(1) + number(0) + number(1)),
    ("unions", record(["null", "string"], ["int", "string", "null"], ["null", "boolean", "bytes"]),
     number(1) + text("x") + number(1) + text("y") + number(2) + data(b"z")),
    ("two numbers", record(["int", "long"], ["null", "float", "double"]),
     number(1) + number(1 << 40) + number(1) + bytes(4)),
    ("array", record({"type": "array", "items": "int"}), ONE_AND_TWO),
    ("sized blocks", record({"type": "array", "items": "long"}, "string"),
     number(-2) + number(2) + number(1) + number(2) + number(1) + number(3) + number(0) + text("ab")),
    ("arrays in it", record(SUIT, {"type": "array", "items": {"type": "array", "items": ["null", "Suit"]}}),
     number(0) + number(1) + number(2) + number(0) + number(1) + number(1) + number(0) + number(0)),
    ("map", record({"type": "map", "values": ["null", "boolean"]}),
     number(1) + text("k") + number(1) + b"\1" + number(0)),
    ("records", record({"type": "array", "items": POINT}), number(1) + number(-1) + number(0) + number(0)),
    ("fixed", record({"type": "fixed", "name": "F", "size": 3}, "float"), b"abc" + struct.pack("<f", 1.5)),
    ("large numbers", record("long", "string", "long"), number(LEAST) + text("한국어말") + number((1 << 63) - 1)),
    ("itself", record(NODE), number(1) + number(1) + number(2) + number(0)),
    ("nothing", record({"type": "array", "items": "null"}, "boolean"), number(3) + number(0) + b"\1"),
    ("wide union", record([{"type": "fixed", "name": f"F{at}", "size": 1} for at in range(70)]), number(69) + b"x"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "body"), [each[1:] for each in VALID], ids=[each[0] for each in VALID])
def test_each_byte_changed(schema: Any, body: bytes) -> None:
    bodies = [body, *mutants(body)]
    wanted = [expected(schema, one) for one in bodies]
    assert wanted[0] != REFUSED
    assert verdicts(schema, bodies) == wanted


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(SUIT, number(-1), id="enum index -1"),
        pytest.param(SUIT, number(-3), id="enum index -3"),
        pytest.param(SUIT, number(3), id="enum index 3 of 3"),
        pytest.param(["null", "long"], number(-1) + number(7), id="union index -1"),
        pytest.param(["null", "long"], number(-2), id="union index -2"),
        pytest.param(["null", "int", "string"], number(-1) + text("x"), id="union of several, index -1"),
        pytest.param({"type": "array", "items": SUIT}, number(1) + number(-1) + number(0), id="enum in an array"),
        pytest.param(
            {"type": "map", "values": ["null", "int"]}, number(1) + text("k") + number(-2) + number(0), id="in a map"
        ),
        pytest.param("boolean", b"\2", id="boolean 2"),
        pytest.param("boolean", b"\x81\0", id="boolean of two bytes"),
        pytest.param("boolean", b"\xff", id="boolean 255"),
        pytest.param({"type": "array", "items": "boolean"}, number(1) + b"\3" + number(0), id="boolean in an array"),
        pytest.param("int", number(1 << 31), id="int of 33 bits"),
        pytest.param("int", number(LEAST), id="int of 64 bits"),
        pytest.param(["int", "long"], number(0) + number(1 << 40), id="a long as an int of a union"),
        pytest.param({"type": "array", "items": "int"}, number(1) + number(1 << 40) + number(0), id="int in an array"),
        pytest.param("long", b"\x80" * 10 + b"\2", id="long of eleven bytes"),
        pytest.param("long", b"\xff" * 9 + b"\3", id="long of 65 bits"),
        pytest.param("string", b"\x80" * 10 + b"\2" + b"a", id="length of eleven bytes"),
        pytest.param("string", number(-1) + b"a", id="length -1"),
        pytest.param("bytes", number(LEAST), id="length of the least number"),
        pytest.param(LONGS, number(LEAST) + number(0) + number(0), id="count of the least number"),
        pytest.param(LONGS, number(-1) + number(9) + number(1) + number(0), id="block size"),
        pytest.param(LONGS, number(-1) + number(-1) + number(1) + number(0), id="block size -1"),
    ],
)  # fmt: skip
def test_what_would_have_become_a_value(kind: Any, body: bytes) -> None:
    """Between two good neighbours, whose rows it must not touch."""
    schema = record(kind, "string")
    body += text("end")
    assert expected(schema, body) == REFUSED
    assert verdicts(schema, [body, body]) == [REFUSED, REFUSED]


def test_a_schema_of_many_unions_inside_one_another_is_made_at_once() -> None:
    kind: Any = "long"
    for _ in range(19):
        kind = ["null", {"type": "array", "items": kind}]
    schema = record(kind)
    body = (number(1) + number(1)) * 19 + number(7) + number(0) * 19
    assert expected(schema, body) != REFUSED
    assert verdicts(schema, [body, body[:-1]]) == [expected(schema, body), REFUSED]


def test_a_bad_body_takes_nothing_from_its_neighbours() -> None:
    schema = record(SUIT, "boolean")
    good, bad = number(1) + b"\1", number(-1) + b"\1"
    bodies = [bad if at in {0, 77, 78, 499} else good for at in range(500)]
    found = verdicts(schema, bodies)
    assert {at for at, one in enumerate(found) if one == REFUSED} == {0, 77, 78, 499}


@pytest.mark.parametrize("texts", [["가나다라마바사 아자차카"], ["naïve", "日本語日本語"], ["🙂🙂🙂🙂"]])
def test_text_of_many_high_bytes_is_read_at_once(texts: list[str]) -> None:
    """It looks like a number that is too long, until its size is counted: it needs no reader that is slow."""
    schema = record("string", ["null", "string"], "int")
    decoder = MessageDecoder(schema)
    del decoder._strict  # whoever asks it fails
    bodies = [text(one) + number(1) + text(one * 3) + number(-5) for one in texts * 100]
    records, problems = decoder.records(PackedBytes([HEADER + body for body in bodies]), range(len(bodies)))
    assert len(records) == len(bodies)
    assert not problems


@settings(max_examples=max(60, SCHEDULES // 50))
@given(tables(), st.integers(0, 1 << 32))
def test_bytes_of_any_schema_changed_anywhere(table: tuple[dict[str, Any], list[list[Value]]], seed: int) -> None:
    schema, rows = table
    chance = random.Random(seed)
    bodies = [b"".join(value.raw for value in row) for row in rows]
    changed = [one for body in bodies for one in mutants(body)]
    bodies += chance.sample(changed, min(40, len(changed)))
    assert verdicts(schema, bodies) == [expected(schema, body) for body in bodies]
