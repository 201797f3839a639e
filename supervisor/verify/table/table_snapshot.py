"""The database side of `rtpipe verify`: kafka_offsets, the dead letters and the tables, all of one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from avro_schemas.naming import OFFSETS_TABLE
from avro_schemas.tables.metadata_columns import POSITION
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from rtpipe.errors import SettingsError
from rtpipe.mysql.quoting import quoted
from supervisor.verify.forms.values import Row
from supervisor.verify.table.row_reader import RowPackets, RowReader
from supervisor.verify.table.snapshot_connection import SnapshotConnection

_DEAD_LETTERS = f"""
    SELECT letter.`partition`, letter.`offset`, SHA2(letter.value, 256) FROM {DEAD_LETTERS.name} AS letter
    JOIN {OFFSETS_TABLE} AS ledger USING (topic, `partition`, consumer_group, topic_id)
    WHERE letter.topic = %s AND letter.consumer_group = %s
"""


class TableReader:
    """What verify asks the database. Errors: those of SnapshotConnection."""

    def __init__(self, database_url: str, *, timeout: float, file: str = "") -> None:
        self._snapshot = SnapshotConnection(database_url, timeout=timeout, file=file)
        #: Takes a new snapshot.
        self.refresh = self._snapshot.refresh

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._snapshot.__exit__()

    def offsets(self, topic: str, group: str) -> dict[int, tuple[int, int, int]]:
        """{partition: (stored offset, rows_total, dead_total)} of kafka_offsets."""
        select = f"SELECT `partition`, `offset`, rows_total, dead_total FROM {OFFSETS_TABLE}"
        rows = self._snapshot.all(f"{select} WHERE topic = %s AND consumer_group = %s", (topic, group))
        return {int(row[0]): (int(row[1]), int(row[2]), int(row[3])) for row in rows}

    def dead_letters(self, topic: str, group: str) -> dict[tuple[int, int], bytes | None] | None:
        """{(partition, offset): SHA-256 of the value} of the topic's dead letters; None: it was too large to keep.

        None if there is no table for them.
        """
        try:
            rows = self._snapshot.all(_DEAD_LETTERS, (topic, group))
        except SettingsError:  # a table that nobody has made yet
            return None
        return {(int(row[0]), int(row[1])): None if row[2] is None else bytes.fromhex(row[2]) for row in rows}

    def count(self, table: str) -> int:
        """The rows of a table."""
        return int(self._snapshot.all(f"SELECT COUNT(*) FROM {quoted(table)}")[0][0])

    def has_position(self, table: str) -> bool:
        """Whether the rows say which partition and offset they came from."""
        return self._snapshot.names(f"SELECT * FROM {quoted(table)} LIMIT 0").issuperset(POSITION)

    def packets(self, table: str, rows: RowReader) -> Iterator[RowPackets]:
        """Every row as the server sent it, some at a time, for `rows` to read."""
        for texts, packets in self._snapshot.stream(f"SELECT {rows.select_list} FROM {quoted(table)}"):
            yield RowPackets(texts, packets)

    def rows(self, table: str, rows: RowReader) -> Iterator[list[Row]]:
        """Every row, in batches."""
        return map(rows, self.packets(table, rows))
