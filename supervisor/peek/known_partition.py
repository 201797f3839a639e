"""What the database says of a partition, and so of a message: row, dead letter, not yet, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from avro_schemas.tables.metadata_columns import DELETED_COLUMN, OFFSET_COLUMN, PARTITION_COLUMN
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from infra.tables.table_look import found_table
from supervisor.peek.peeked import Beside, Peeked, RowState
from workers.commit.offsets.offset_statements import row_of
from workers.contract.partition_spec import PartitionSpec
from workers.retry.dead_letter import DeadLetterSource


def database_of(connection: Connection) -> str:
    """The database that the connection uses."""
    return str(connection.exec_driver_sql("SELECT DATABASE()").scalar_one())


class KnownPartition:
    """Its row in kafka_offsets, and its dead letters at some offsets."""

    def __init__(self, spec: PartitionSpec, connection: Connection, offsets: Sequence[int]) -> None:
        self._spec = spec
        self._stored: Any = None  #: None: nothing was consumed yet
        self._dead: dict[int, str] = {}
        database = database_of(connection)
        if found_table(connection, database, OFFSETS.name) is not None:
            here = row_of(spec.key.topic, spec.key.partition, spec.group)
            self._stored = connection.execute(select(OFFSETS).where(here)).one_or_none()
        if found_table(connection, database, DEAD_LETTERS.name) is not None:
            columns = DEAD_LETTERS.c
            where = DeadLetterSource(spec.key, spec.group, spec.topic_id).where(), columns.offset.in_(offsets)
            found = connection.execute(select(columns.offset, columns.error_name, columns.error_text).where(*where))
            self._dead = {row[0]: f"{row[1]}  {row[2]}" for row in found}

    def judged(self, message: Peeked, row: Mapping[str, Any] | None, why: str) -> Beside:
        """What is beside a message; `row`: what was found for it, `why` it may be that none was found."""
        if (dead := self._dead.get(message.offset)) is not None:
            return Beside(RowState.DEAD_LETTER, dead)
        if self._stored is not None and self._stored.topic_id not in {None, "", self._spec.topic_id}:
            text = f"kafka_offsets is about an earlier topic of this name: rtpipe adopt {message.key.topic}"
            return Beside(RowState.UNKNOWN, text)
        consumed = self._stored is not None and message.offset < self._stored.offset
        if row is not None:
            return Beside(RowState.ROW, self._of_key(message, row, consumed=consumed), row)
        if not consumed:
            at = "nothing of its partition is consumed yet"
            return Beside(RowState.NOT_YET, at if self._stored is None else f"the offset is {self._stored.offset}")
        return Beside(RowState.UNKNOWN, why) if why else Beside(RowState.NO_ROW, self._missing(message))

    def _of_key(self, message: Peeked, row: Mapping[str, Any], *, consumed: bool) -> str:
        """Whose row it is, where that is not the message's own for certain."""
        if self._spec.rules.mode != "upsert":
            return ""
        place = row.get(PARTITION_COLUMN), row.get(OFFSET_COLUMN)
        deleted = "; a tombstone has marked it as deleted" if row.get(DELETED_COLUMN) else ""
        if None not in place:
            own = place == (message.key.partition, message.offset)
            return ("" if own else f"of its key, written by {place[0]}/{place[1]}") + deleted
        return ("of its key" if consumed else "of its key, from before: this message is not consumed yet") + deleted

    def _missing(self, message: Peeked) -> str:
        if message.raw_value is None:
            return "a tombstone"
        if self._spec.rules.mode == "upsert":
            return "its key has none: a later tombstone may have deleted it"
        return "it is consumed, so its row was deleted or changed; rtpipe verify --values says more"
