"""Shapes of rows to measure: their Avro schemas, and what fills their topics."""

from __future__ import annotations

import io
import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fastavro
from confluent_kafka import Producer

_LONG = 20_000  #: bytes of a long string
_TEXTS = 50  #: different ones of them


@dataclass(frozen=True, slots=True)
class Shape:
    """`rows` are how many are sent unless another number is asked for."""

    fields: tuple[dict[str, Any], ...]
    rows: int
    own_sender: bool = False  #: not by `rtpipe produce`, whose strings are short

    def schema(self, name: str) -> dict[str, Any]:
        """The Avro schema of a topic of this name."""
        return {"type": "record", "name": name, "namespace": "com.exam", "fields": list(self.fields)}


def _field(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind}


def _wide() -> Iterator[dict[str, Any]]:
    """60 columns; all but the key may be null, and `rtpipe produce` makes one value in ten null."""
    kinds: list[Any] = ["string", "long", "double", "boolean", "int", {"type": "int", "logicalType": "date"}]
    kinds += [{"type": "long", "logicalType": "timestamp-micros"}]
    kinds += [{"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}]
    yield _field("key_field1", "string")
    for number in range(1, 60):
        yield _field(f"field{number}", ["null", kinds[number % len(kinds)]])


def _record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


_PLACE = _record("place", _field("street", "string"), _field("zip", "int"), _field("city", "string"))
_ITEM = _record("item", _field("sku", "string"), _field("number", "int"), _field("price", "double"))
_SEED = (
    _field("key_field1", "string"),
    _field("timestamp_field1", "long"),
    _field("double_field1", "double"),
    _field("string_field1", "string"),
)
_NESTED = (
    _field("key_field1", "string"),
    _field("moment", {"type": "long", "logicalType": "timestamp-micros"}),
    _field("customer", _record("customer", _field("name", "string"), _field("address", _PLACE))),
    _field("items", {"type": "array", "items": _ITEM}),
    _field("tags", {"type": "map", "values": "string"}),
)

SHAPES = {
    "seed": Shape(_SEED, 1_500_000),
    "wide": Shape(tuple(_wide()), 180_000),
    "long": Shape((_field("key_field1", "string"), _field("text", "string")), 21_000, own_sender=True),
    "nested": Shape(_NESTED, 180_000),
}


def send_long(bootstrap_servers: str, topic: str, schema_id: int, schema: dict[str, Any], count: int) -> None:
    """`count` messages of a key and a long text to one topic."""
    chance, plain = random.Random(topic), fastavro.parse_schema(schema)
    texts = ["".join(chance.choices(string.ascii_letters + " ", k=_LONG)) for _ in range(_TEXTS)]
    producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 20, "enable.idempotence": True})
    for number in range(count):
        key = f"{number:06}"
        out = io.BytesIO()
        out.write(b"\0" + schema_id.to_bytes(4, "big"))
        fastavro.schemaless_writer(out, plain, {"key_field1": key, "text": texts[number % _TEXTS]})
        while True:
            try:
                producer.produce(topic, out.getvalue(), key)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(120):
        raise SystemExit(f"{topic}: not all messages arrived")


def schema_file(shape: Shape, topics: list[str]) -> str:
    """The text of a schema file for these topics."""
    return json.dumps([shape.schema(topic) for topic in topics])
