"""Messages to rows, each by the schema that it was written with, for `rtpipe verify --values`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from avro_schemas.column_types import ColumnShape
from avro_schemas.errors import SchemaError
from avro_schemas.registry_client import Registry
from avro_schemas.table_layout import TableLayout, table_layout
from avro_schemas.table_rules import TableRules
from avro_schemas.wire_format import WireFormatError, schema_id_of
from supervisor.verify_rows import Message
from supervisor.verify_topic import Place
from supervisor.verify_values import Row, from_message, key_value
from workers.message_decoder import MessageDecoder
from workers.message_key import MessageKey

TOMBSTONE = "it has no value (a tombstone)"


class Decoder:
    """Messages to rows of `columns`."""

    def __init__(
        self, registry: Registry, layout: TableLayout, columns: Sequence[ColumnShape], rules: TableRules
    ) -> None:
        self._registry = registry
        self._columns = columns
        self._rules = rules
        names = [column.name for column in columns]
        self._key = [names.index(name) for name in layout.key]
        self._message_key = MessageKey(rules, layout, registry.schema_by_id, key_value) if rules.deletes else None
        self._readers: dict[int, Callable[[bytes], Row]] = {}

    def message(self, place: Place, *, placed: bool, end: Row = ()) -> Message:
        """The message with its row; with `placed` the row begins with partition and offset. `end` follows the row."""
        partition, offset, value, _ = place
        if value is None:
            return Message(partition, offset, None, TOMBSTONE)
        try:
            row = self._reader(schema_id_of(value))(value) + end
        except (WireFormatError, SchemaError) as exc:
            return Message(partition, offset, None, exc.message)
        except ValueError as exc:
            return Message(partition, offset, None, str(exc))
        return Message(partition, offset, (partition, offset, *row) if placed else row)

    def key(self, place: Place) -> tuple[Any, ...] | None:
        """The values of the key columns: of the message's row, or of its own key where it has no value. None: none."""
        try:
            if place[2] is None:
                return self._message_key.columns(place[3]) if self._message_key else None
            row = self._reader(schema_id_of(place[2]))(place[2])
        except (WireFormatError, SchemaError, ValueError):
            return None
        return tuple(row[at] for at in self._key)

    def _reader(self, schema_id: int) -> Callable[[bytes], Row]:
        if schema_id not in self._readers:
            schema = self._registry.schema_by_id(schema_id)
            decode = MessageDecoder(schema)
            own = table_layout(schema, table="t", rules=self._rules).columns
            to_row = from_message(own, self._columns, nonfinite=self._rules.nonfinite)
            self._readers[schema_id] = lambda value: to_row(decode(value))
        return self._readers[schema_id]
