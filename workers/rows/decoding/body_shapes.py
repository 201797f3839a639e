"""What the types of a schema say about the bodies of its messages: which reader is for them, what must be looked at."""

from __future__ import annotations

from collections.abc import Iterator

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.type_reader import RecordSchema


def kinds_of(record: RecordSchema) -> set[str]:
    """The Avro types in a schema."""
    return {found.avro_type for found in _types(record)}


def needs_care(record: RecordSchema) -> bool:
    """Whether a message of this schema may be larger than its bytes.

    fastavro follows a recursive value until the stack is full and the process dies of it, and makes a billion nulls of
    nine bytes.
    """
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

    arrays = (found for found in _types(record) if found.avro_type == "array")
    return any(found.items is not None and is_empty(found.items) for found in arrays)


def _types(record: RecordSchema) -> Iterator[FieldType]:
    """Every type in a schema, the parts of each record once."""
    waiting = [kind for found in record.records.values() for _, kind in found.fields]
    while waiting:
        found = waiting.pop()
        yield from (found, *found.branches)
        parts = found.branches or (found,)  # not both: they share their parts, and those would be walked twice each
        waiting += [part.items for part in parts if part.items is not None]
