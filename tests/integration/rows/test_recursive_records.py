"""Records that contain themselves, as CloudEvents' do: registered, and each message in its table."""

from __future__ import annotations

import io
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from avro_schemas.registry.client import Registry
from tests.support.pipeline.foreign_topics import check_rows, fill
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.supervision import supervised
from tests.support.samples.avro.foreign_avro import Container

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses


def node(of: Any) -> dict[str, Any]:
    """A record with a name, and with itself in a field of the type `of`."""
    fields = [{"name": "name", "type": "string"}, {"name": "parts", "type": of}]
    return {"type": "record", "name": "Node", "namespace": "com.exam", "fields": fields}


def cloud_event() -> dict[str, Any]:
    """The Avro format of CloudEvents 1.0, as its specification has it."""
    inner = {"type": "map", "values": "CloudEventData"}, {"type": "array", "items": "CloudEventData"}
    value = {"type": "map", "values": ["null", "boolean", *inner, "double", "string"]}
    data = {"type": "record", "name": "CloudEventData", "fields": [{"name": "value", "type": value}]}
    in_map = {"type": "map", "values": ["null", "boolean", data, "double", "string"]}
    in_array = {"type": "array", "items": "CloudEventData"}
    attributes = {"type": "map", "values": ["null", "boolean", "int", "string", "bytes"]}
    fields = [
        {"name": "attribute", "type": attributes},
        {"name": "data", "type": ["bytes", "null", "boolean", in_map, in_array, "double", "string"]},
    ]
    return {"namespace": "io.cloudevents", "type": "record", "name": "CloudEvent", "version": "1.0", "fields": fields}


LEAF: dict[str, Any] = {"name": "leaf", "parts": {}}
BARE: dict[str, Any] = {"name": "bare", "parts": []}
EVENT: dict[str, Any] = {
    "attribute": {"id": "1", "specversion": "1.0", "count": 7, "raw": b"\x00\xff", "gone": None},
    "data": {
        "text": "ä",
        "flag": True,
        "inside": {"value": {"map": {"a": {"value": {"x": 1.5}}}, "array": [{"value": {}}], "null": None}},
    },
}
KINDS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "through a map": (
        node({"type": "map", "values": "Node"}),
        [LEAF, {"name": "top", "parts": {"one": LEAF, "two": {"name": "mid", "parts": {"three": LEAF}}}}],
    ),
    "through an array": (
        node({"type": "array", "items": "com.exam.Node"}),
        [BARE, {"name": "top", "parts": [BARE, {"name": "mid", "parts": [BARE]}]}],
    ),
    "through a map of arrays": (
        node({"type": "map", "values": {"type": "array", "items": "Node"}}),
        [LEAF, {"name": "top", "parts": {"none": [], "two": [LEAF, LEAF]}}],
    ),
    "through another record": (
        node(
            {"type": "array", "items": {"type": "record", "name": "Part", "fields": [{"name": "of", "type": "Node"}]}}
        ),
        [BARE, {"name": "top", "parts": [{"of": BARE}, {"of": {"name": "mid", "parts": [{"of": BARE}]}}]}],
    ),
    "through a field that may be null": (
        node(["null", "Node"]),
        [{"name": "leaf", "parts": None}, {"name": "top", "parts": {"name": "leaf", "parts": None}}],
    ),
    "CloudEvents": (
        cloud_event(),
        [EVENT, {"attribute": {}, "data": None}, {"attribute": {}, "data": [{"value": {"a": "b"}}]}],
    ),
}


def encoded(schema: dict[str, Any], row: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), row)
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_from_the_registry(stack: Addresses, kind: str) -> None:
    schema, subject = KINDS[kind][0], f"test_{uuid.uuid4().hex}-value"
    with closing(Registry(stack.schema_registry_url)) as registry:
        schema_id = registry.register(subject, schema)
        assert registry.find(subject, schema) == registry.register(subject, schema) == schema_id
        found = registry.schema_by_id(schema_id)
        assert registry.latest(subject) == (schema_id, found)
    assert fastavro.schema.to_parsing_canonical_form(found) == fastavro.schema.to_parsing_canonical_form(schema)


def test_each_message_is_in_its_table(stack: Addresses, tmp_path: Path) -> None:
    """One topic and one table a kind; what a row must be is worked out by another Avro library."""
    with running_pipeline(stack, tmp_path, partitions=1, metadata=False) as pipeline:
        containers = {
            f"{pipeline.topics[0]}-{number}": Container(schema, [encoded(schema, row) for row in rows])
            for number, (schema, rows) in enumerate(KINDS.values())
        }
        filled = fill(pipeline, containers)
        assert filled.keys() == containers.keys(), "the registry took each of them"
        pipeline.topics = list(filled)
        assert supervised(pipeline) == 0
        verified = pipeline.run("verify", "--topics", ",".join(filled), "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        for topic, layout in filled.items():
            check_rows(pipeline, layout, containers[topic])
