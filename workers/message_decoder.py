"""The bytes of a message -> its record, exactly as they are: no logical type, no reader's schema, nothing left over."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import fastavro

from avro_schemas.type_reader import read_record
from avro_schemas.wire_format import HEADER_SIZE
from avro_schemas.wire_schema import wire_schema
from workers.careful_reader import needs_care, read_carefully
from workers.joined_reader import JoinedReader
from workers.packed_bytes import PackedBytes


class MessageDecoder:
    """Decodes the messages of one schema. SchemaError at once if the schema is invalid."""

    def __init__(self, schema: Any) -> None:
        record = read_record(schema)
        wire, careful = wire_schema(record), needs_care(record)
        self._schema = fastavro.parse_schema(wire)
        self._read = read_carefully if careful else fastavro.schemaless_reader
        self._joined = None if careful else JoinedReader(wire)

    def __call__(self, message: bytes) -> dict[str, Any]:
        """The record after the wire format's header. Raises ValueError, which says what is wrong with the bytes."""
        return self._record(message[HEADER_SIZE:])

    def records(self, messages: PackedBytes, places: Sequence[int]) -> tuple[list[dict[str, Any]], dict[int, str]]:
        """The records of the messages at these places, in order; and why the others, by place, have none.

        All at once, unless one of them does not decode: then one by one, to know which.
        """
        bodies = messages.some(places, HEADER_SIZE)
        if self._joined:
            with suppress(Exception):  # fastavro raises whatever the bytes lead it to
                return self._joined.read(bodies), {}
        records: list[dict[str, Any]] = []
        problems: dict[int, str] = {}
        for place, body in zip(places, bodies, strict=True):
            try:
                records.append(self._record(body))
            except ValueError as why:
                problems[place] = str(why)
        return records, problems

    def _record(self, body: bytes) -> dict[str, Any]:
        """From a stream of its own."""
        stream = io.BytesIO(body)
        try:
            record: Any = self._read(stream, self._schema, None)
        except Exception as exc:  # fastavro raises whatever the bytes lead it to
            raise ValueError(f"the body does not decode ({type(exc).__name__})") from exc
        if stream.tell() != len(body):
            raise ValueError(f"{len(body) - stream.tell()} bytes left over after the record")
        return record  # type: ignore[no-any-return]
