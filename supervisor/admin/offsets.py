"""What a person may do to stored offsets: look, set one, adopt a topic that was made again. Always one row lock.

Where a topic has a journal, the change has a row in it, in its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select, update

from avro_schemas.tables.own_tables.journal import ADOPT, JOURNAL, SET
from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.acting_person import acting_person
from supervisor.admin.connection import admin_connection
from workers.commit.offsets.offset_statements import KEEP, row_of
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey
from workers.database.errors import translated


@dataclass(frozen=True, slots=True)
class StoredOffset:
    """One row of kafka_offsets."""

    key: PartitionKey
    group: str
    offset: int
    epoch: int
    rows_total: int
    topic_id: str
    owner: str


class OffsetAdmin:
    """Speaks to kafka_offsets with the consumer's account. Every change raises the epoch, which fences a writer."""

    def __init__(self, database_url: str, silence: int) -> None:
        """`silence`: seconds until a silent database counts as gone."""
        self._url, self._silence = database_url, silence

    def _connection(self, doing: str) -> AbstractContextManager[Connection]:
        return admin_connection(self._url, self._silence, OFFSETS.name, doing)

    def stored(self, topics: Sequence[str] = ()) -> list[StoredOffset]:
        """All rows, or those of some topics, in order."""
        query = select(OFFSETS).order_by(OFFSETS.c.topic, OFFSETS.c["partition"])
        if topics:
            query = query.where(OFFSETS.c.topic.in_(topics))
        with self._connection("reading kafka_offsets") as connection:
            rows = connection.execute(query).mappings().all()
        return [
            StoredOffset(
                PartitionKey(row["topic"], row["partition"]),
                row["consumer_group"],
                row["offset"],
                row["epoch"],
                row["rows_total"],
                row["topic_id"] or "",
                row["owner"] or "",
            )
            for row in rows
        ]

    def set(
        self, stored: StoredOffset, offset: int, *, topic_id: str = "", cluster_id: str = "", journal: bool = False
    ) -> None:
        """Store another offset, and with it another topic id if there is one; its rows are then counted from 0.

        Refused if the row is not what the person saw: somebody moved it meanwhile.
        """
        values = {
            "offset": offset,
            "leader_epoch": -1,
            "epoch": OFFSETS.c.epoch + 1,
            "updated_at": func.utc_timestamp(6),
        }
        if topic_id:
            values |= {"topic_id": topic_id, "cluster_id": cluster_id, "rows_total": 0, "dead_total": 0}
        seen = and_(
            row_of(stored.key.topic, stored.key.partition, stored.group),
            OFFSETS.c.offset == stored.offset,
            OFFSETS.c.epoch == stored.epoch,
        )
        with self._connection(f"setting the offset of {stored.key}") as connection:
            changed = connection.execute(update(OFFSETS).where(seen).values(**values)).rowcount
            if journal and changed == 1:
                _keep(connection, stored, offset, ADOPT if topic_id else SET)
            connection.commit()
        if changed != 1:
            raise SetupError(f"{stored.key}: a writer moved it meanwhile", hint="stop or halt the partition first")


def _keep(connection: Connection, before: StoredOffset, offset: int, kind: str) -> None:
    values = {"of_topic": before.key.topic, "of_partition": before.key.partition, "of_group": before.group}
    values |= {"of_kind": kind, "of_epoch": before.epoch + 1, "by_owner": acting_person()}
    values |= {"at_offset": before.offset, "to_offset": offset, "of_messages": 0, "more_rows": 0, "more_dead": 0}
    with translated(JOURNAL.name):
        connection.exec_driver_sql(KEEP, values)
