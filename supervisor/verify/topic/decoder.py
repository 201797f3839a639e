"""Messages to rows, each by the schema that it was written with, for `rtpipe verify --values`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from avro_schemas.avro.wire_format import HEADER_SIZE, WireFormatError, schema_id_of
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SchemaError
from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.forms.values import Row, key_value
from supervisor.verify.matching.rows import Message
from supervisor.verify.table.columns import TableColumns
from supervisor.verify.topic.message_reader import MessagePart, MessageReader
from workers.contract.packed_bytes import PackedBytes
from workers.rows.keys.message_key import MessageKey

#: The values of the key columns.
Key = tuple[Any, ...]
TOMBSTONE = "it has no value (a tombstone)"


class Decoder:
    """Messages to rows of the table's columns."""

    def __init__(self, schemas: TopicSchemas, columns: TableColumns, rules: TableRules) -> None:
        self._schemas = schemas
        names = [column.name for column in columns.columns]
        layout = columns.newest
        self._key = [names.index(name) for name in layout.key]
        #: How keys are read; None where tombstones delete no row.
        self.keys = MessageKey(rules, layout, schemas.key, key_value) if rules.deletes else None
        #: How messages of one schema become rows.
        self.rows = MessageReader(columns)

    def messages(self, batch: Sequence[TopicMessage], *, with_position: bool) -> list[Message]:
        """Each with its row; those of one schema are decoded together."""
        parts, others = self.parts(batch)
        found = self.alone(others, with_position=with_position)
        for part in parts:
            rows, unreadable = self.rows(part, with_position=with_position)
            bad = {(one.partition, one.offset) for one in unreadable}
            places = [place for place in zip(part.partitions, part.offsets, strict=True) if place not in bad]
            found += [Message(*place, row) for place, row in zip(places, rows, strict=True)] + unreadable
        if len(parts) > 1 or others:
            found.sort(key=attrgetter("partition", "offset"))
        return found

    def alone(self, messages: Sequence[TopicMessage], *, with_position: bool) -> list[Message]:
        """One by one: those of no part."""
        return [self.message(message, with_position=with_position) for message in messages]

    def parts(self, batch: Sequence[TopicMessage]) -> tuple[list[MessagePart], list[TopicMessage]]:
        """Messages of one schema each; and those that have none, or none of the topic's."""
        by_header = defaultdict[bytes, list[TopicMessage]](list)
        others = [message for message in batch if message.value is None]
        for message in batch:
            if message.value is not None:
                by_header[message.value[:HEADER_SIZE]].append(message)
        parts = []
        for header, messages in by_header.items():
            try:
                schema_id = schema_id_of(header)
                schema = self._schemas.value(schema_id)
            except (WireFormatError, SchemaError):
                others += messages
            else:
                partitions, offsets, values, _ = zip(*messages, strict=True)
                parts.append(MessagePart(schema_id, schema, partitions, offsets, PackedBytes(values)))
        return parts, others

    def message(self, message: TopicMessage, *, with_position: bool, end: Row = ()) -> Message:
        """The message with its row, which partition and offset precede if `with_position`, and `end` follows."""
        partition, offset, value, key = message
        if value is None:
            return Message(partition, offset, None, f"{TOMBSTONE}{self._no_key(key)}")
        try:
            row = self._row(value) + end
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
            row = self._row(message.value)
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

    def _row(self, value: bytes) -> Row:
        schema_id = schema_id_of(value)
        return self.rows.row(schema_id, self._schemas.value(schema_id), value)
