"""The rows of a table as the server sent them -> those that are compared, in the form of both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.metadata_columns import POSITION
from rtpipe.mysql.quoting import quoted
from rtpipe.mysql.row_packets import Cells, cells_of
from supervisor.verify.forms.table_values import rows_from_table, select_list
from supervisor.verify.forms.values import Row


@dataclass(frozen=True, slots=True)
class RowPackets:
    """Some rows, unread; `texts`: which columns are text, not bytes."""

    texts: Sequence[bool]
    packets: Sequence[bytes]


@dataclass(frozen=True)
class RowReader:
    """Reads what a SELECT of `select_list` gives; in any process, since it knows no connection."""

    columns: Sequence[ColumnShape]
    with_position: bool = False  #: rows begin with partition and offset
    #: {partition: first offset}: rows of older messages, which Kafka has deleted, are left out if they can be told
    lows: Mapping[int, int] = field(default_factory=dict)

    @property
    def select_list(self) -> str:
        """What rows are made of."""
        position = "".join(f"{quoted(name)}, " for name in POSITION) if self.with_position else ""
        return position + select_list(self.columns)

    def __call__(self, sent: RowPackets) -> list[Row]:
        """The rows, in order."""
        count = len(sent.texts)
        rows = self._to_rows([cells_of(packet, count) for packet in sent.packets], sent.texts)
        return [row for row in rows if not self.is_older(row)] if self.with_position else rows

    def is_older(self, row: Row) -> bool:
        """Whether a row that begins with partition and offset comes from a message that Kafka has deleted."""
        partition, offset = row[:2]
        return isinstance(partition, int) and isinstance(offset, int) and offset < self.lows.get(partition, 0)

    @cached_property
    def _to_rows(self) -> Callable[[Sequence[Cells], Sequence[bool]], list[Row]]:
        return rows_from_table(self.columns, leading=len(POSITION) if self.with_position else 0)

    def __reduce__(self) -> tuple[type[RowReader], tuple[Sequence[ColumnShape], bool, Mapping[int, int]]]:
        """Without what was made of it."""
        return RowReader, (self.columns, self.with_position, self.lows)
