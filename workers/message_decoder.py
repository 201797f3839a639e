"""The bytes of a message -> its record, exactly as they are: no logical type, no reader's schema, nothing left over."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import fastavro
from fastavro import _read_py

from avro_schemas.type_reader import read_record
from avro_schemas.wire_format import HEADER_SIZE
from avro_schemas.wire_schema import wire_schema
from workers.packed_bytes import PackedBytes


class MessageDecoder:
    """Decodes the messages of one schema. SchemaError at once if the schema is invalid."""

    def __init__(self, schema: Any) -> None:
        record = read_record(schema)
        self._schema = fastavro.parse_schema(wire_schema(record))
        # fastavro's C reader follows a recursive value until the stack is full and the process dies of it; the one in
        # Python is slower and raises RecursionError at a depth that JSON does not have.
        self._read = _read_py.schemaless_reader if record.recursive else fastavro.schemaless_reader

    def records(
        self, messages: PackedBytes, stream: io.BytesIO, places: Sequence[int]
    ) -> tuple[list[dict[str, Any]], dict[int, ValueError]]:
        """The records of the messages at these places, in order, read from the `stream` of them all; and why the
        others, by place, have none.
        """
        read, schema = self._read, self._schema
        records: list[Any] = []
        problems: dict[int, ValueError] = {}
        for place, (start, stop) in zip(places, messages.spans(places), strict=True):
            stream.seek(start + HEADER_SIZE)
            try:
                record = read(stream, schema, None)
                whole = stream.tell() == stop
            except Exception:  # fastavro raises whatever the bytes lead it to
                whole = False
            if whole:
                records.append(record)
            else:  # it may have read on in the next message: what is wrong with this one is seen by itself
                problems[place] = self._problem(messages[place] or b"")
        return records, problems

    def _problem(self, message: bytes) -> ValueError:
        try:
            self(message)
        except ValueError as problem:
            return problem
        raise AssertionError("a message that decodes by itself")

    def __call__(self, message: bytes) -> dict[str, Any]:
        """The record after the wire format's header. Raises ValueError, which says what is wrong with the bytes."""
        body = io.BytesIO(message)
        body.seek(HEADER_SIZE)
        try:
            record = self._read(body, self._schema, None)
        except Exception as exc:  # fastavro raises whatever the bytes lead it to
            raise ValueError(f"the body does not decode ({type(exc).__name__})") from exc
        if body.tell() != len(message):
            raise ValueError(f"{len(message) - body.tell()} bytes left over after the record")
        return record  # type: ignore[return-value]
