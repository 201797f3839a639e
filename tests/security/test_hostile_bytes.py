"""What an attacker writes into a topic or a registry: refused by name, in bounded time and memory."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import os
import random
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from avro_schemas.registry.client import Registry
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import RtpipeError, SchemaError
from tests.support.samples.batches import batch_of
from workers.rows.row_encoder import RowEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "hostile",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "bytes", "type": ["null", "bytes"]},
        {"name": "number", "type": "long"},
        {"name": "ratio", "type": "double"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "day", "type": [{"type": "int", "logicalType": "date"}, "null"]},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    ],
}
RECORD = {
    "text": "it's", "bytes": b"\0\xff", "number": -(2**60), "ratio": 1.5, "amount": b"\1\0", "day": 20_000,
    "id": "12345678-1234-5678-1234-567812345678",
}  # fmt: skip
HEADER = b"\0\0\0\0\1"
#: `make faults` tries ten times as many.
MUTANTS = 10 * int(os.environ.get("RTPIPE_SCHEDULES", "2000"))


def encoder() -> RowEncoder:
    return RowEncoder(table_layout(SCHEMA, table="hostile"), SCHEMA, partition=0, schema_id=1)


def body() -> bytes:
    out = io.BytesIO()
    raw = json.loads(json.dumps(SCHEMA).replace("logicalType", "was"))
    fastavro.schemaless_writer(out, fastavro.parse_schema(raw), RECORD)
    return out.getvalue()


def mutant(chance: random.Random, whole: bytes) -> bytes:
    """Bytes flipped, cut out, doubled, or replaced by the longest numbers that Avro can write."""
    found = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found)) if found else 0
        match chance.randrange(5):
            case 0 if found:
                found[at] = chance.randrange(256)
            case 1:
                del found[at : at + chance.randint(1, 8)]
            case 2:
                found[at:at] = found[at : at + chance.randint(1, 8)]
            case 3:
                found[at:at] = b"\xff" * chance.randint(1, 10) + b"\x7f"
            case _:
                found += chance.randbytes(chance.randint(1, 8))
    return bytes(found)


def test_mutated_bodies_are_a_row_or_bad_data() -> None:
    chance, one, whole = random.Random(20_261_123), encoder(), body()
    assert len(one.encode(batch_of([HEADER + whole]), range(1)).literals) == 1
    refused = 0
    for _ in range(MUTANTS):
        encoded = one.encode(batch_of([HEADER + mutant(chance, whole)]), range(1))
        assert len(encoded.literals) + len(encoded.refused) == 1
        refused += len(encoded.refused)
    assert MUTANTS / 2 < refused < MUTANTS


@pytest.mark.parametrize("length", [2**31 - 1, 2**40, 2**62, -1, -(2**62)])
def test_a_length_that_is_not_there_takes_no_memory(length: int) -> None:
    claim = io.BytesIO()
    fastavro.schemaless_writer(claim, "long", length)
    one = encoder()
    tracemalloc.start()
    try:
        assert one.encode(batch_of([HEADER + claim.getvalue() + b"abc"]), range(1)).refused
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


EMPTY: dict[str, Any] = {"type": "record", "name": "empty", "fields": [{"name": "nothing", "type": "null"}]}


@pytest.mark.parametrize(
    "items", ["null", EMPTY, {"type": "fixed", "name": "f", "size": 0}, ["null", {"type": "array", "items": "null"}]]
)
@pytest.mark.parametrize("around", ["field", "map", "union", "record"])
def test_items_that_take_no_byte_are_counted(items: Any, around: str) -> None:
    array = {"type": "array", "items": items}
    kind, prefix = {
        "field": (array, b""),
        "map": ({"type": "map", "values": array}, b"\2\2k"),
        "union": (["null", "string", array], b"\4"),
        "record": ({"type": "record", "name": "r", "fields": [{"name": "a", "type": array}]}, b""),
    }[around]
    schema = {"type": "record", "name": "hostile", "fields": [{"name": "some", "type": kind}]}
    one = RowEncoder(table_layout(schema, table="hostile"), schema, partition=0, schema_id=1)
    prefix = HEADER + prefix + (b"\2\2" if isinstance(items, list) else b"")  # one item: an array of nulls
    suffix = (b"\0" if isinstance(items, list) else b"") + b"\0" + (b"\0" if around == "map" else b"")
    few, many = io.BytesIO(), io.BytesIO()
    fastavro.schemaless_writer(few, "long", 3)
    fastavro.schemaless_writer(many, "long", 2**40)
    assert len(one.encode(batch_of([prefix + few.getvalue() + suffix]), range(1)).literals) == 1
    [refusal] = one.encode(batch_of([prefix + many.getvalue() + suffix]), range(1)).refused.values()
    assert "more than 100,000 items that take no byte, at byte" in refusal.why


# -- the registry ----------------------------------------------------------------------------------------------------


@pytest.fixture
def registry() -> Iterator[dict[str, Any]]:
    """A registry that answers what the test puts into `answer`; `asked` has the paths, `headers` the last headers."""
    state: dict[str, Any] = {"answer": (200, {}, b"{}"), "asked": [], "headers": {}}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state["asked"].append(self.path)
            state["headers"] = dict(self.headers)
            status, headers, text = state["answer"]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        state["url"] = f"http://user:canary-word@127.0.0.1:{server.server_address[1]}"
        yield state
        server.shutdown()
        thread.join()


def ask(registry: dict[str, Any]) -> None:
    client = Registry(registry["url"])
    try:
        client.schema_by_id(7)
    finally:
        client.close()


def test_a_schema_larger_than_a_megabyte_is_refused(registry: dict[str, Any]) -> None:
    huge = {"type": "record", "name": "r", "doc": "x" * 1_100_000, "fields": []}
    registry["answer"] = (200, {}, json.dumps({"schema": json.dumps(huge)}).encode())
    with pytest.raises(SchemaError, match=r"characters, 1,000,000 is the most"):
        ask(registry)


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"[]", b'{"schema": 5}', b'{"schema": "{"}', b'{"schema": "' + b"[" * 100_000 + b'"}']
)
def test_an_answer_that_is_no_schema_is_refused_by_name(registry: dict[str, Any], text: bytes) -> None:
    registry["answer"] = (200, {}, text)
    with pytest.raises(RtpipeError) as caught:
        ask(registry)
    assert "canary-word" not in caught.value.message + caught.value.hint


def test_credentials_do_not_follow_a_redirect(registry: dict[str, Any]) -> None:
    heard: list[str] = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization", ""))
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.2", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        registry["answer"] = (302, {"Location": f"http://127.0.0.2:{server.server_address[1]}/x"}, b"")
        with pytest.raises(RtpipeError):
            ask(registry)
        server.shutdown()
        thread.join()
    assert registry["headers"].get("Authorization") or registry["headers"].get("authorization")
    assert not any(heard)


# -- schemas ---------------------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    found: Any = "int"
    for _ in range(depth):
        found = {"type": found}
    return found


@pytest.mark.parametrize(
    "fields",
    [
        [{"name": "a", "type": nested(100_000)}],
        [{"name": f"f{number}", "type": "int"} for number in range(100_000)],
        [{"name": "a" * 1_000_000, "type": 5}],
        [{"name": "a", "type": {"type": "fixed", "name": "f", "size": 2**70}}],
        [{"name": "a", "type": ["null"] * 10_000}],
        [{"name": "a", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10**9}}],
        [None] * 1_000,
        {"a": "int"},
    ],
    ids=["nested", "many", "long", "wide", "union", "digits", "null", "object"],
)
def test_a_hostile_schema_is_a_table_or_is_refused(fields: Any) -> None:
    with contextlib.suppress(SchemaError):
        layout = table_layout({"type": "record", "name": "r", "fields": fields}, table="t")
        assert len(layout.columns) == 1
