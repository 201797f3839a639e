"""The bytes of a message -> its record, exactly as they are: no logical type, no reader's schema, nothing left over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from avro_schemas.avro.type_reader import read_record
from avro_schemas.avro.wire_format import HEADER_SIZE
from workers.contract.packed_bytes import PackedBytes
from workers.rows.decoding.body_shapes import needs_care
from workers.rows.decoding.joined_reader import JoinedReader
from workers.rows.decoding.strict_reader import StrictReader

#: Into how many parts the bodies are split of which one is in doubt: the others are read together all the same.
_PARTS = 8


class MessageDecoder:
    """Decodes the messages of one schema. SchemaError at once if the schema is invalid."""

    def __init__(self, schema: Any) -> None:
        record = read_record(schema)
        self._strict = StrictReader(record, before=HEADER_SIZE)
        self._joined = None if needs_care(record) else JoinedReader(record)

    def __call__(self, message: bytes) -> dict[str, Any]:
        """The record after the wire format's header. Raises ValueError, which says what is wrong with the bytes."""
        body = message[HEADER_SIZE:]
        if self._joined:
            with suppress(Exception):  # fastavro raises whatever the bytes lead it to
                return self._joined.read_alone(body)
        return self._strict(body)

    def records(self, messages: PackedBytes, indexes: Sequence[int]) -> tuple[list[dict[str, Any]], dict[int, str]]:
        """The records of the messages at these indexes, in order; and why the others, by index, have none."""
        return self._records(indexes, messages.some(indexes, HEADER_SIZE))

    def _records(self, indexes: Sequence[int], bodies: Sequence[bytes]) -> tuple[list[dict[str, Any]], dict[int, str]]:
        """All at once, unless that leaves one of them in doubt: then in parts, and one alone by the strict reader."""
        if found := self._together(bodies):
            return found, {}
        if len(bodies) == 1:
            try:
                return [self._strict(bodies[0])], {}
            except ValueError as why:
                return [], {indexes[0]: str(why)}
        records: list[dict[str, Any]] = []
        problems: dict[int, str] = {}
        step = max(1, len(bodies) // _PARTS)
        for start in range(0, len(bodies), step):
            part = slice(start, start + step)
            some, refused = self._records(indexes[part], bodies[part])
            records += some
            problems |= refused
        return records, problems

    def _together(self, bodies: Sequence[bytes]) -> list[dict[str, Any]]:
        """The records of all bodies; none if one of them is in doubt."""
        if self._joined:
            with suppress(Exception):  # fastavro raises whatever the bytes lead it to
                return self._joined.read(bodies)
        return []
