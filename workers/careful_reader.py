"""For schemas whose messages may be larger than their bytes: recursive ones, and arrays of items that take no byte.

fastavro's C reader follows a recursive value until the stack is full and the process dies of it, and makes a billion
nulls of nine bytes. The one in Python is slower, raises RecursionError at a depth that JSON does not have, and its
arrays can be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from fastavro import _read_py
from fastavro.io.binary_decoder import BinaryDecoder

from avro_schemas.field_types import FieldType
from avro_schemas.type_reader import RecordSchema

#: Items of all arrays of a message together, beside as many as it has bytes.
_MOST_EMPTY = 100_000


class TooManyItems(ValueError):  # noqa: N818
    """More items than a message may have."""


def needs_care(record: RecordSchema) -> bool:
    """Whether a message of this schema may be larger than its bytes."""
    if record.recursive:
        return True
    empty: dict[str, bool] = {}  # of each record, whether it takes no byte: one may be used in a thousand places

    def is_empty(found: FieldType) -> bool:
        if found.branches:
            return False
        if found.avro_type == "record":
            if found.name not in empty:
                empty[found.name] = all(is_empty(kind) for _, kind in found.fields)
            return empty[found.name]
        return found.avro_type == "null" or (found.avro_type == "fixed" and not found.size)

    def counts(found: FieldType) -> bool:
        """Whether there is an array of such items in it, records left out."""
        if found.avro_type == "union":
            return any(map(counts, found.branches))
        if found.items is None:
            return False
        return (found.avro_type == "array" and is_empty(found.items)) or counts(found.items)

    return any(counts(kind) for found in record.records.values() for _, kind in found.fields)


def read_carefully(stream: BytesIO, schema: Any, _reader_schema: None) -> Any:
    """What fastavro.schemaless_reader gives. `schema` is one that fastavro has parsed."""
    named: Any = {"writer": dict(schema.get("__named_schemas", {})), "reader": {}}
    decoder: Any = _CountingDecoder(stream)
    return _read_py.read_data(decoder, schema, named, None, {})  # type: ignore[no-untyped-call]


class _CountingDecoder(BinaryDecoder):
    def __init__(self, stream: BytesIO) -> None:
        super().__init__(stream)  # type: ignore[no-untyped-call]
        self._left = _MOST_EMPTY + stream.getbuffer().nbytes

    def iter_array(self) -> Iterator[None]:
        for _ in super().iter_array():  # type: ignore[no-untyped-call]
            self._left -= 1
            if self._left < 0:
                raise TooManyItems
            yield
