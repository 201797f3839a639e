"""Keys that are Avro -> the Avro value of each key column's field, by the schema that a key itself names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.type_reader import RecordSchema, read_record
from avro_schemas.avro.wire_format import WireFormatError, schema_id_of
from avro_schemas.columns.column_types import ColumnShape
from rtpipe.errors import SchemaError
from workers.rows.decoding.message_decoder import MessageDecoder
from workers.rows.keys.key_fields import Path, paths_of
from workers.rows.keys.key_values import from_avro

_Read = Callable[[bytes], list[Any]]


class AvroKey:
    """Reads keys, whose schemas may differ from one another and from that of the values."""

    def __init__(self, columns: Sequence[ColumnShape], schema_by_id: Callable[[int], Any]) -> None:
        self._columns = columns
        self._schema_by_id = schema_by_id
        self._readers: dict[int, _Read] = {}

    def __call__(self, key: bytes) -> list[Any]:
        """ValueError, which never quotes the key, if it is none."""
        try:
            schema_id = schema_id_of(key)
        except WireFormatError:
            raise ValueError("no schema id in front of it") from None
        if schema_id not in self._readers:
            schema = self._schema_by_id(schema_id)
            try:
                self._readers[schema_id] = self._reader(schema)
            except (SchemaError, ValueError) as exc:
                self._readers[schema_id] = _refusing(f"schema id {schema_id}: {exc}")
        return self._readers[schema_id](key)

    def _reader(self, schema: Any) -> _Read:
        """A key's schema is a record, or one value for the only column; and either may be in a union with null."""
        decode, [whole, root] = MessageDecoder(schema), _root(read_record(schema))
        single = root.avro_type != "record" and len(self._columns) == 1
        paths = [()] if single else paths_of(self._columns, lambda path: _has(root, path))
        wanted = [(column.name, column.of, (*whole, *path), _type_at(root, path)) for column, path in self._with(paths)]

        def read(message: bytes) -> list[Any]:
            record = decode(message)
            return [_value(name, of, own, _at(record, path)) for name, of, path, own in wanted]

        return read

    def _with(self, paths: Sequence[Path]) -> zip[tuple[ColumnShape, Path]]:
        return zip(self._columns, paths, strict=True)


def _root(record: RecordSchema) -> tuple[Path, FieldType]:
    """The type of the whole key, and where its value is in what the decoder gives."""
    if record.name:
        return (), record.records[record.name]
    return ("value",), record.fields[0][1]


def _has(found: FieldType, path: Path) -> bool:
    try:
        return bool(_type_at(found, path))
    except KeyError:
        return False


def _type_at(found: FieldType, path: Path) -> FieldType:
    """The type of a field inside others. KeyError if there is none."""
    for name in path:
        found = dict(found.fields if found.avro_type == "record" else ())[name]
    return found


def _at(value: Any, path: Path) -> Any:
    for name in path:
        value = None if value is None else value[name]
    return value


def _value(name: str, of: FieldType, own: FieldType, value: Any) -> Any:
    try:
        return from_avro(of, own, value)
    except ValueError as exc:
        raise ValueError(f"field {name}: {exc}") from None


def _refusing(why: str) -> _Read:
    def read(_: bytes) -> list[Any]:
        raise ValueError(why)

    return read
