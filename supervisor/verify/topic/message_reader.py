"""Messages of one schema -> rows, by the general decoder; in any process, since it knows no registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from supervisor.verify.forms.values import Row
from supervisor.verify.matching.rows import Message
from supervisor.verify.table.columns import TableColumns
from workers.contract.packed_bytes import PackedBytes
from workers.rows.decoding.message_decoder import MessageDecoder


@dataclass(frozen=True, slots=True)
class MessagePart:
    """Some messages whose values have the same schema: where they are, and their bytes."""

    schema_id: int
    schema: Any
    partitions: Sequence[int]
    offsets: Sequence[int]
    values: PackedBytes


class MessageReader:
    """Remembers how each schema is read. SchemaError for one that is invalid."""

    def __init__(self, columns: TableColumns) -> None:
        self._columns = columns
        self._known: dict[int, tuple[MessageDecoder, Callable[[dict[str, Any]], Row]]] = {}

    def __call__(self, part: MessagePart, *, with_position: bool) -> tuple[list[Row], list[Message]]:
        """The rows, in order, which partition and offset precede if `with_position`; what cannot be decoded."""
        decoder, to_row = self._reader(part.schema_id, part.schema)
        records, problems = decoder.records(part.values, range(len(part.values)))
        rows = list(map(to_row, records))
        if with_position:
            places = [
                place for at, place in enumerate(zip(part.partitions, part.offsets, strict=True)) if at not in problems
            ]
            rows = [(*place, *row) for place, row in zip(places, rows, strict=True)]
        return rows, [Message(part.partitions[at], part.offsets[at], None, why) for at, why in problems.items()]

    def row(self, schema_id: int, schema: Any, value: bytes) -> Row:
        """Of one message. ValueError says why it cannot be decoded."""
        decoder, to_row = self._reader(schema_id, schema)
        return to_row(decoder(value))

    def _reader(self, schema_id: int, schema: Any) -> tuple[MessageDecoder, Callable[[dict[str, Any]], Row]]:
        if schema_id not in self._known:
            self._known[schema_id] = MessageDecoder(schema), self._columns.reader(schema)
        return self._known[schema_id]

    def __reduce__(self) -> tuple[type[MessageReader], tuple[TableColumns]]:
        return MessageReader, (self._columns,)
