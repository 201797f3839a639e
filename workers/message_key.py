"""The bytes of a message's key -> what its table's key columns hold, for messages that have no value."""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Callable
from typing import Any

from avro_schemas.column_types import ColumnShape
from avro_schemas.table_layout import TableLayout, table_layout
from avro_schemas.table_rules import TableRules
from avro_schemas.wire_format import schema_id_of
from workers.errors import SetupError
from workers.message_decoder import MessageDecoder

#: Schema id -> schema, as the registry has it.
SchemaById = Callable[[int], Any]
#: What makes, for a column, its form of one value.
RenderFor = Callable[[ColumnShape], Callable[[Any], Any]]
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_STRUCTS = {"int": struct.Struct(">i"), "long": struct.Struct(">q")}


class MessageKey:
    """`columns` gives the key's values in the form that `render_for` makes for each key column of the layout."""

    def __init__(self, rules: TableRules, layout: TableLayout, schema_by_id: SchemaById, render_for: RenderFor) -> None:
        self._rules = rules
        self._render_for = render_for
        by_name = {column.name: column for column in layout.columns}
        self._columns = [by_name[name] for name in layout.key]
        self._schema_by_id = schema_by_id
        self._avro: dict[int, Callable[[bytes], tuple[Any, ...]]] = {}
        if rules.key_format != "avro" and len(self._columns) != 1:
            raise SetupError(
                f'key_format = "{rules.key_format}" fills one column, the key has {", ".join(layout.key)}',
                hint='a key of several columns is an Avro record: key_format = "avro"',
            )
        self._render = render_for(self._columns[0])

    def columns(self, key: bytes | None) -> tuple[Any, ...]:
        """The key columns. ValueError or WireFormatError, which never quote the key, if these bytes are none."""
        if key is None:
            raise ValueError("neither a value nor a key")
        if self._rules.key_format == "avro":
            return self._of_avro(key)
        return (self._render(self._value(key, self._columns[0])),)

    def _value(self, key: bytes, column: ColumnShape) -> Any:
        """The key as a value of the column's field."""
        if self._rules.key_format != "text":
            layout = _STRUCTS[self._rules.key_format]
            if len(key) != layout.size:
                raise ValueError(f"a key of {len(key)} bytes, where {self._rules.key_format} has {layout.size}")
            return layout.unpack(key)[0] if column.of.avro_type in {"int", "long"} else str(layout.unpack(key)[0])
        if column.of.avro_type in {"bytes", "fixed"}:
            return key
        try:
            text = key.decode()
        except UnicodeDecodeError:
            raise ValueError("a key that is no UTF-8") from None
        if column.of.avro_type in {"int", "long"}:
            if not _NUMBER.fullmatch(text):
                raise ValueError("a key that is no whole number")
            return int(text)
        if column.of.avro_type == "boolean":
            if text not in {"true", "false"}:
                raise ValueError("a key that is neither true nor false")
            return text == "true"
        return text

    def _of_avro(self, key: bytes) -> tuple[Any, ...]:
        schema_id = schema_id_of(key)
        if schema_id not in self._avro:
            self._avro[schema_id] = self._reader(self._schema_by_id(schema_id))
        return self._avro[schema_id](key)

    def _reader(self, schema: Any) -> Callable[[bytes], tuple[Any, ...]]:
        """A key's own schema may be a record with a field for each key column, or one value for the only one."""
        decode = MessageDecoder(schema)
        found = {column.name: column for column in table_layout(schema, table="key").columns}
        if len(self._columns) == 1 and list(found) == ["value"]:
            found[self._columns[0].field] = found["value"]
        missing = [column.field for column in self._columns if column.field not in found]
        if missing:
            raise ValueError(f"the key's schema has no field {', '.join(missing)}")
        own = [
            (found[column.field].field, self._render_for(dataclasses.replace(found[column.field], nullable=False)))
            for column in self._columns
        ]

        def read(message: bytes) -> tuple[Any, ...]:
            record = decode(message)
            return tuple(render(record[field]) for field, render in own)

        return read
