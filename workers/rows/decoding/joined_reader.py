"""Many message bodies of one schema, decoded by one call: for small records the call costs as much as the decoding.

fastavro reads more than the Avro specification allows. What it is given and what it gives are looked at here, until no
doubt is left that each record is what its body says; a body in doubt is refused, and for the strict reader to judge.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

import fastavro

from avro_schemas.avro.type_reader import RecordSchema
from avro_schemas.avro.wire_schema import wire_schema
from workers.rows.decoding.body_shapes import kinds_of
from workers.rows.decoding.encoded_size import EncodedSize, Uneven
from workers.rows.decoding.exact_schema import exact_schema

_MARK_SIZE = 16
#: Bytes that are read at once. A body that lies about its length may read on through all of them, but no further.
_MOST_BYTES = 256 * 1024
#: Bytes after which a number goes on; those with which one of ten bytes may end; the others.
_CLASSES = bytes(1 if byte >= 0x80 else 0 if byte <= 1 else 2 for byte in range(256))  # noqa: PLR2004 - the highest bit
_NINE, _TOO_LONG = b"\1" * 9, (b"\1" * 10, b"\1" * 9 + b"\2")
#: How a boolean ends that is written as a number of several bytes.
_LONG_FLAGS = (b"\x80\0", b"\x81\0")


class JoinedReader:
    """Reads bodies as one Avro array, with a mark after each that nobody outside this process can know.

    A body that takes too few or too many bytes meets no mark where its record ends. There must be as many records as
    bodies and as many marks: then every record took one, so each ended where its body did. (Bodies may end the array's
    block early and begin one of their own, so marks alone say nothing.)
    """

    def __init__(self, schema: RecordSchema) -> None:
        """`schema` is one whose values are no larger than their bytes (see needs_care)."""
        record, kinds = wire_schema(schema), kinds_of(schema)
        fields = record["fields"]
        name = "mark".ljust(1 + max((len(field["name"]) for field in fields), default=0), "_")
        mark = {"name": name, "type": {"type": "fixed", "name": "mark", "size": _MARK_SIZE}}
        self._alone = exact_schema(record)
        self._exact = exact_schema({"type": "array", "items": {**record, "fields": [*fields, mark]}})
        self._mark_of = itemgetter(name)
        self._mark = bytes(byte & 0x7F for byte in os.urandom(_MARK_SIZE))  # no number of a body goes on into it
        self._schema = schema
        self._has_blocks, self._has_flags = bool({"array", "map"} & kinds), "boolean" in kinds
        self._ints = EncodedSize(schema, ints_only=True).of

    def read(self, bodies: Sequence[bytes]) -> list[dict[str, Any]]:
        """A record for each body, with one more entry, the mark. Raises any Exception if one of them is in doubt."""
        size = sum(map(len, bodies))
        if size > _MOST_BYTES:
            raise ValueError("too many bytes to read at once")
        whole = b"".join([_block(len(bodies)), self._mark.join(bodies), self._mark, _block(0)])
        stream = io.BytesIO(whole)
        records: Any = fastavro.schemaless_reader(stream, self._exact, None)
        marks = list(map(self._mark_of, records))
        if stream.tell() != len(whole) or len(marks) != len(bodies) or marks.count(self._mark) != len(bodies):
            raise ValueError("records that do not end with their bodies")
        self._check(records, whole, size)
        return records  # type: ignore[no-any-return]

    def read_alone(self, body: bytes) -> dict[str, Any]:
        """The record of one body. Raises any Exception if it is in doubt."""
        stream = io.BytesIO(body)
        record: Any = fastavro.schemaless_reader(stream, self._alone, None)
        if stream.tell() != len(body):
            raise ValueError("a record that does not end with its body")
        self._check([record], body, len(body))
        return record  # type: ignore[no-any-return]

    def _check(self, records: Sequence[Any], whole: bytes, size: int) -> None:
        """Uneven if the records, of `size` bytes among the `whole`, may not be what their bodies say."""
        doubtful = self._is_doubtful(whole)
        if doubtful or self._has_blocks:
            self._measure(records, size, doubtful=doubtful)
        elif self._ints:
            self._ints(records)

    def _is_doubtful(self, whole: bytes) -> bool:
        """Whether there may be a number of more than 64 bits, or a boolean of more than a byte: fastavro takes both."""
        runs = whole.translate(_CLASSES)
        if _NINE in runs and any(run in runs for run in _TOO_LONG):
            return True
        return self._has_flags and any(flag in whole for flag in _LONG_FLAGS)

    @cached_property
    def _size(self) -> EncodedSize:
        return EncodedSize(self._schema)

    def _measure(self, records: Sequence[Any], size: int, *, doubtful: bool) -> None:
        """Uneven unless the records take `size` bytes, as their bodies do: then these say nothing else."""
        self._size.largest = False
        least = self._size.of(records) if self._size.of else 0
        if least != size or (doubtful and self._size.largest):
            raise Uneven


@lru_cache
def _block(items: int) -> bytes:
    """How an array's block of so many items begins."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", items)
    return out.getvalue()
