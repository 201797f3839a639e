"""A batch of raw Avro messages -> SQL row literals; runs in the writer process, pure but for the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from avro_schemas.column_types import ColumnShape
from avro_schemas.table_layout import OFFSET_COLUMN, PARTITION_COLUMN, TableLayout
from workers.message_decoder import MessageDecoder
from workers.sql_literals import Literals, literals_for

#: Messages whose decoded values are held at once: few enough to stay in the processor's cache, and little memory.
_CHUNK = 500
_NAMED_PARAMETERS = MySQLDialect_pymysql(paramstyle="named")


class BadMessage(Exception):  # noqa: N818 - becomes a DataError where topic and partition are known
    """The message at `index` of the batch cannot become a row; `field` is "" if it is not about one field."""

    def __init__(self, index: int, why: str, field: str = "") -> None:
        super().__init__(why)
        self.index = index
        self.why = why
        self.field = field


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

    def encode(self, values: Sequence[bytes], offsets: Sequence[int]) -> list[str]:
        """Row literals `(…)` in the order of the messages. Raises BadMessage for the first that cannot be one."""
        rows: list[str] = []
        for start in range(0, len(values), _CHUNK):
            try:
                rows += self._encode(values[start : start + _CHUNK], offsets[start : start + _CHUNK])
            except BadMessage as bad:
                raise BadMessage(start + bad.index, bad.why, bad.field) from bad
        return rows

    def _encode(self, values: Sequence[bytes], offsets: Sequence[int]) -> list[str]:
        records = [self._decoded(index, value) for index, value in enumerate(values)]
        texts = [self._column(column, render, records) for column, render in self._columns]
        metadata = {PARTITION_COLUMN: [self._partition] * len(values), OFFSET_COLUMN: [str(o) for o in offsets]}
        texts += [metadata[name] for name in self._metadata]
        return ["(" + ",".join(row) + ")" for row in zip(*texts, strict=True)]

    def _decoded(self, index: int, value: bytes) -> dict[str, Any]:
        try:
            return self._decode(value)
        except ValueError as exc:
            raise BadMessage(index, str(exc)) from exc

    def _column(self, column: ColumnShape, render: Literals, records: list[dict[str, Any]]) -> list[str]:
        values = [record[column.field] for record in records]
        try:
            return render(values)
        except ValueError:
            for index, value in enumerate(values):
                try:
                    render([value])
                except ValueError as exc:
                    raise BadMessage(index, str(exc), column.field) from exc
            raise


def insert_statements(prefix: str, rows: Sequence[str], max_bytes: int) -> list[bytes]:
    """Multi-row INSERT statements of at most `max_bytes` each, unless one row alone is larger."""
    whole = (prefix + ",".join(rows)).encode()
    if len(whole) <= max_bytes or len(rows) == 1:
        return [whole]
    middle = len(rows) // 2
    return insert_statements(prefix, rows[:middle], max_bytes) + insert_statements(prefix, rows[middle:], max_bytes)
