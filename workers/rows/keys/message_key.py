"""The bytes of a message's key, by `key_format` -> what the key columns of its table hold, where it has no value."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.message_format import Look, look_of_key
from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.row_layout import RowLayout
from avro_schemas.tables.rules import KeyFormat, TableRules
from rtpipe.errors import SchemaError
from workers.contract.errors import SetupError
from workers.rows.keys.avro_key import AvroKey
from workers.rows.keys.json_key import envelope_parts, json_parts, struct_parts, text_of
from workers.rows.keys.key_fields import Path, paths_of
from workers.rows.keys.key_values import from_json, from_text

#: Schema id -> schema, as the registry has it.
SchemaById = Callable[[int], Any]
#: What makes, for a column, its form of one value.
RenderFor = Callable[[ColumnShape], Callable[[Any], Any]]
#: A key -> the Avro value of the field of each key column.
_Read = Callable[[bytes], Sequence[Any]]
#: Looks of keys that are what they seem to be where the key column is text; and of those that are not in any bytes.
_TEXTS, _WITH_PARTS = {"text", "empty", "xml"}, {"json", "envelope", "struct"}
_NUMBERS = {"int": struct.Struct(">i"), "long": struct.Struct(">q")}
#: What the other formats are: the parts of a key, and how each becomes a value.
_PARTS: dict[str, tuple[Callable[[bytes], Any], Callable[[FieldType, Any], Any]]] = {
    "json": (json_parts, from_json),
    "json_schema": (envelope_parts, from_json),
    "connect_struct": (struct_parts, from_text),
}


class MessageKey:
    """`columns` gives the key's values in the form that `render_for` makes for each key column of the layout."""

    def __init__(self, rules: TableRules, layout: RowLayout, schema_by_id: SchemaById, render_for: RenderFor) -> None:
        by_name = {column.name: dataclasses.replace(column, nullable=False) for column in layout.columns}
        self._columns = [by_name[name] for name in layout.key]
        self._format = rules.key_format
        self._render = [(column.name, render_for(column)) for column in self._columns]
        self._read = _reader(self._format, self._columns, schema_by_id)

    def columns(self, key: bytes | None) -> tuple[Any, ...]:
        """The key columns. ValueError, which never quotes the key, if these bytes are none."""
        if key is None:
            raise ValueError("neither a value nor a key")
        try:
            return tuple(
                _named(name, render, value) for (name, render), value in zip(self._render, self._read(key), strict=True)
            )
        except (SchemaError, ValueError) as why:
            looks = f'a key that looks like {look_of_key(key).words}, which key_format = "{self._format}" does not read'
            raise ValueError(f"{looks}: {why}") from None

    def mistakes(self, look: Look) -> bool:
        """Whether this format reads a key that looks so, although another serializer most likely wrote it."""
        if self._format != "text":
            return False
        raw = self._columns[0].of.avro_type in {"bytes", "fixed"}
        return look.kind in _WITH_PARTS if raw else look.kind not in _TEXTS


def _reader(key_format: KeyFormat, columns: Sequence[ColumnShape], schema_by_id: SchemaById) -> _Read:
    if key_format == "avro":
        return AvroKey(columns, schema_by_id)
    if key_format in _PARTS:
        return _of_parts(columns, *_PARTS[key_format])
    if len(columns) != 1:
        raise SetupError(
            f'key_format = "{key_format}" fills one column, the key has {", ".join(one.name for one in columns)}',
            hint="avro, json, json_schema and connect_struct have a field for each (docs/schemas.md, modes)",
        )
    of = columns[0].of
    if key_format in _NUMBERS:
        return _of_number(of, key_format)
    if of.avro_type in {"bytes", "fixed"} and of.logical is None:
        return lambda key: [key]
    return lambda key: [from_text(of, text_of(key))]


def _of_number(of: FieldType, key_format: str) -> _Read:
    layout = _NUMBERS[key_format]

    def read(key: bytes) -> Sequence[Any]:
        if len(key) != layout.size:
            raise ValueError(f"{len(key)} bytes, where {key_format} has {layout.size}")
        return [from_json(of, layout.unpack(key)[0])]

    return read


def _of_parts(
    columns: Sequence[ColumnShape], parts_of: Callable[[bytes], Any], value_of: Callable[[FieldType, Any], Any]
) -> _Read:
    """By the fields of an object; a value that is none is that of the only column."""

    def read(key: bytes) -> Sequence[Any]:
        parts = parts_of(key)
        if not isinstance(parts, Mapping) and len(columns) == 1:
            return [value_of(columns[0].of, parts)]
        paths = paths_of(columns, lambda path: _at(parts, path) is not _MISSING)
        return [
            _named(column.name, value_of, column.of, _at(parts, path))
            for column, path in zip(columns, paths, strict=True)
        ]

    return read


_MISSING = object()


def _at(parts: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(parts, Mapping) or name not in parts:
            return _MISSING
        parts = parts[name]
    return parts


def _named(name: str, value_of: Callable[..., Any], *of: Any) -> Any:
    try:
        return value_of(*of)
    except ValueError as exc:
        raise ValueError(f"field {name}: {exc}") from None
