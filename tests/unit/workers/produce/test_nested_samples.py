"""Sample values with parts: each is one that fastavro writes, and none is without end."""

from __future__ import annotations

import io
import random
from typing import Any

import fastavro
import pytest

from avro_schemas.avro.type_reader import read_record
from avro_schemas.avro.wire_schema import wire_schema
from rtpipe.errors import SchemaError
from workers.produce.nested_samples import MOST_DEPTH, MOST_ITEMS, Draws


def record(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "r", "fields": [{"name": "x", "type": kind}]}


def samples(kind: Any, count: int = 200) -> list[Any]:
    """Values of a field of this type as they are read again, once fastavro has written them."""
    read = read_record(record(kind))
    draws = Draws(read.records, random.Random(1), lambda: 0)
    draw = draws.of(read.fields[0][1], "x")
    written, again = fastavro.parse_schema(wire_schema(read)), fastavro.parse_schema(record(kind))
    found = []
    for _ in range(count):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, written, {"x": draw()})
        out.seek(0)
        value: Any = fastavro.schemaless_reader(out, again, None)
        assert out.read() == b""
        found.append(value["x"])
    return found


NODE = {
    "type": "record",
    "name": "node",
    "fields": [{"name": "value", "type": "int"}, {"name": "next", "type": ["null", "node"]}],
}
TREE = {"type": "record", "name": "tree", "fields": [{"name": "parts", "type": {"type": "array", "items": "tree"}}]}
ENDLESS = {"type": "record", "name": "endless", "fields": [{"name": "again", "type": "endless"}]}


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def test_arrays_have_none_to_a_few_items() -> None:
    found = samples({"type": "array", "items": "int"})
    assert {len(value) for value in found} == set(range(MOST_ITEMS + 1))
    assert all(isinstance(item, int) for value in found for item in value)


def test_maps_have_none_to_a_few_keys() -> None:
    found = samples({"type": "map", "values": "boolean"})
    assert {len(value) for value in found} == set(range(MOST_ITEMS + 1))
    assert {key for value in found for key in value} == {f"key{number}" for number in range(MOST_ITEMS)}


def test_records_have_all_their_fields() -> None:
    inner = {"type": "record", "name": "i", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "string"}]}
    assert all(set(value) == {"a", "b"} for value in samples(inner))


def test_a_nullable_array_is_sometimes_null() -> None:
    found = samples(["null", {"type": "array", "items": "int"}])
    assert None in found
    assert any(isinstance(value, list) for value in found)


def test_a_union_has_values_of_every_branch() -> None:
    assert {type(value) for value in samples(["null", "int", "string", "boolean"])} == {type(None), int, str, bool}
    assert {type(value) for value in samples(["int", "string"])} == {int, str}


@pytest.mark.parametrize("kind", [NODE, TREE, {"type": "array", "items": {"type": "array", "items": ["null", TREE]}}])
def test_what_holds_itself_ends(kind: Any) -> None:
    found = samples(kind)
    assert 1 < max(map(depth, found)) <= 2 * (MOST_DEPTH + 2)


def test_a_union_that_is_deep_takes_its_first_branch() -> None:
    kind = {"type": "record", "name": "u", "fields": [{"name": "n", "type": ["int", "u", "string"]}]}
    found = samples(kind)
    assert 1 < max(map(depth, found)) <= MOST_DEPTH + 2


def test_a_value_without_end_is_refused_and_not_tried_for_ever() -> None:
    with pytest.raises(SchemaError, match="would have no end"):
        samples(ENDLESS, 1)
