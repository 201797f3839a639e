"""Messages -> an Avro container file in memory, of one block that holds them as they came, headers included."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import fastavro

from avro_schemas.avro.wire_format import HEADER_SIZE
from workers.rows.columnar.wire_fields import WireField

_MAGIC, _SYNC = b"Obj\1", bytes(16)
#: The first field of each record: the header of the wire format. It is not read.
_HEADER = {"name": "header", "type": {"type": "fixed", "name": "header_", "size": HEADER_SIZE}}


class Container:
    """Makes containers of one schema."""

    def __init__(self, fields: Sequence[WireField]) -> None:
        record: dict[str, Any] = {"type": "record", "name": "row", "fields": [_HEADER]}
        record["fields"] += [{"name": field.name, "type": field.schema} for field in fields]
        schema = json.dumps(record).encode()
        entries = _number(2) + _sized(b"avro.schema") + _sized(schema) + _sized(b"avro.codec") + _sized(b"null")
        self._before = _MAGIC + entries + _number(0) + _SYNC

    def of(self, messages: bytes, count: int) -> bytes:
        """A container of so many messages, which stand one after the other."""
        return b"".join([self._before, _number(count), _number(len(messages)), messages, _SYNC])


def _number(value: int) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    return out.getvalue()


def _sized(value: bytes) -> bytes:
    return _number(len(value)) + value
