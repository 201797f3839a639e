"""Raw Avro messages of one schema -> SQL row literals; runs in the writer process, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from avro_schemas.column_types import ColumnShape
from avro_schemas.table_layout import OFFSET_COLUMN, PARTITION_COLUMN, TableLayout
from workers.dead_letters import Refusal
from workers.message_decoder import MessageDecoder
from workers.sql_literals import Literals, literals_for

#: Messages whose decoded values are held at once: few enough to stay in the processor's cache, and little memory.
_CHUNK = 500
_NAMED_PARAMETERS = MySQLDialect_pymysql(paramstyle="named")


@dataclass(slots=True)
class Encoded:
    """What became of the messages: row literals with the places of their messages, and those that cannot be rows."""

    literals: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)


class RowEncoder:
    """Turns messages of one schema id into rows of one table; made once for each schema id."""

    def __init__(self, layout: TableLayout, schema: dict[str, Any], partition: int) -> None:
        self._decode = MessageDecoder(schema)
        self._columns: list[tuple[ColumnShape, Literals]] = [(c, literals_for(c)) for c in layout.columns]
        self._metadata = layout.metadata
        self._partition = str(partition)
        statement = str(insert(layout.table).compile(dialect=_NAMED_PARAMETERS))
        #: `INSERT INTO t (a, b) VALUES `, quoted by SQLAlchemy.
        self.prefix = statement[: statement.index(" VALUES (") + len(" VALUES ")]

    def encode(self, values: Sequence[bytes], offsets: Sequence[int]) -> Encoded:
        """Row literals `(…)` in the order of the messages; a bad message takes nothing from its neighbours."""
        encoded = Encoded()
        for start in range(0, len(values), _CHUNK):
            self._encode(range(start, min(start + _CHUNK, len(values))), values, offsets, encoded)
        return encoded

    def _encode(self, chunk: range, values: Sequence[bytes], offsets: Sequence[int], encoded: Encoded) -> None:
        records: dict[int, dict[str, Any]] = {}
        for at in chunk:
            try:
                records[at] = self._decode(values[at])
            except ValueError as exc:
                encoded.refused[at] = Refusal("E_DECODE", str(exc))
        texts = self._texts(records)
        while isinstance(texts, dict):  # a column refuses some
            encoded.refused |= texts
            records = {at: record for at, record in records.items() if at not in texts}
            texts = self._texts(records)
        metadata = {
            PARTITION_COLUMN: [self._partition] * len(records),
            OFFSET_COLUMN: [str(offsets[at]) for at in records] if self._metadata else [],
        }
        texts += [metadata[name] for name in self._metadata]
        encoded.literals += ["(" + ",".join(row) + ")" for row in zip(*texts, strict=True)]
        encoded.places += records

    def _texts(self, records: Mapping[int, dict[str, Any]]) -> list[list[str]] | dict[int, Refusal]:
        """The texts of each column; or what the first column that cannot take them all refuses."""
        texts = []
        for column, render in self._columns:
            values = [record[column.field] for record in records.values()]
            try:
                texts.append(render(values))
            except ValueError:
                return {
                    at: Refusal("E_VALUE", why, column.field)
                    for at, value in zip(records, values, strict=True)
                    if (why := _problem(render, value))
                }
        return texts


def _problem(render: Literals, value: Any) -> str:
    """Why a column cannot take this value, "" if it can."""
    try:
        render([value])
    except ValueError as exc:
        return str(exc)
    return ""
