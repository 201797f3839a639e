"""Messages to rows, each by the schema that it was written with, for `rtpipe verify --values`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avro_schemas.avro.wire_format import WireFormatError, schema_id_of
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SchemaError
from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.forms.values import Row, key_value
from supervisor.verify.matching.rows import Message
from supervisor.verify.table.columns import TableColumns
from workers.rows.decoding.message_decoder import MessageDecoder
from workers.rows.keys.message_key import MessageKey

#: The values of the key columns.
Key = tuple[Any, ...]
TOMBSTONE = "it has no value (a tombstone)"


class Decoder:
    """Messages to rows of the table's columns."""

    def __init__(self, schemas: TopicSchemas, columns: TableColumns, rules: TableRules) -> None:
        self._schemas = schemas
        self._columns = columns
        names = [column.name for column in columns.columns]
        layout = columns.newest
        self._key = [names.index(name) for name in layout.key]
        #: How keys are read; None where tombstones delete no row.
        self.keys = MessageKey(rules, layout, schemas.key, key_value) if rules.deletes else None
        self._readers: dict[int, Callable[[bytes], Row]] = {}

    def message(self, message: TopicMessage, *, with_position: bool, end: Row = ()) -> Message:
        """The message with its row, which partition and offset precede if `with_position`, and `end` follows."""
        partition, offset, value, key = message
        if value is None:
            return Message(partition, offset, None, f"{TOMBSTONE}{self._no_key(key)}")
        try:
            row = self._reader(schema_id_of(value))(value) + end
        except (WireFormatError, SchemaError) as exc:
            return Message(partition, offset, None, exc.message)
        except ValueError as exc:
            return Message(partition, offset, None, str(exc))
        return Message(partition, offset, (partition, offset, *row) if with_position else row)

    def key(self, message: TopicMessage) -> Key | None:
        """The values of the key columns: of the message's row, or of its own key where it has no value. None: none."""
        if message.value is None:
            return self.message_key(message.key)
        try:
            row = self._reader(schema_id_of(message.value))(message.value)
        except (WireFormatError, SchemaError, ValueError):
            return None
        return tuple(row[at] for at in self._key)

    def message_key(self, key: bytes | None) -> Key | None:
        """What a tombstone with this key deletes. None: nothing, or tombstones delete no row at all."""
        try:
            return self.keys.columns(key) if self.keys else None
        except (SchemaError, ValueError):
            return None

    def _no_key(self, key: bytes | None) -> str:
        """Why a tombstone has no key, if it should have one."""
        try:
            if self.keys is not None:
                self.keys.columns(key)
        except (SchemaError, ValueError) as why:
            return f": {why}"
        return ""

    def _reader(self, schema_id: int) -> Callable[[bytes], Row]:
        if schema_id not in self._readers:
            schema = self._schemas.value(schema_id)
            decode, to_row = MessageDecoder(schema), self._columns.reader(schema)
            self._readers[schema_id] = lambda value: to_row(decode(value))
        return self._readers[schema_id]
