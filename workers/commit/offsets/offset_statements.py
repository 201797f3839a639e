"""The statements on kafka_offsets that are run often, and that on its journal. SQLAlchemy builds them; each is compiled
once, not once a batch.

To compile one takes as long as the server takes to run it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS

_COLUMNS = OFFSETS.c


def row_of(topic: object, partition: object, group: object) -> ColumnElement[bool]:
    """The row of one partition, as a condition."""
    return and_(_COLUMNS.topic == topic, _COLUMNS["partition"] == partition, _COLUMNS.consumer_group == group)


_PARTITION = row_of(bindparam("of_topic"), bindparam("of_partition"), bindparam("of_group"))
_ROW = and_(
    _PARTITION,
    _COLUMNS.epoch == bindparam("of_epoch"),
    _COLUMNS.offset == bindparam("at_offset"),
)
_TOTALS = {
    "rows_total": _COLUMNS.rows_total + bindparam("more_rows"),
    "dead_total": _COLUMNS.dead_total + bindparam("more_dead"),
}


_NOW = func.utc_timestamp(literal_column("6"))


def _compiled(statement: Update | Insert | Select[Any]) -> str:
    return str(statement.compile(dialect=MySQLDialect_pymysql(paramstyle="pyformat")))


#: Moves the offset if the row is at `at_offset` under `of_epoch`: one row matches, or another writer has moved it.
ADVANCE = _compiled(
    update(OFFSETS)
    .where(_ROW)
    .values(
        offset=bindparam("to_offset"),
        leader_epoch=bindparam("to_leader_epoch"),
        updated_at=_NOW,
        **_TOTALS,
    )
)
#: Corrects the totals of an offset that this transaction has moved to `at_offset`.
CORRECT = _compiled(update(OFFSETS).where(_ROW).values(**_TOTALS))
#: Where the partition stands, without a lock.
GLANCE = _compiled(select(_COLUMNS.epoch, _COLUMNS.offset, _COLUMNS.leader_epoch).where(_PARTITION))
#: The journal's row of such a change, by the same values and some of its own.
KEEP = _compiled(
    insert(JOURNAL).values(
        topic=bindparam("of_topic"),
        partition=bindparam("of_partition"),
        consumer_group=bindparam("of_group"),
        kind=bindparam("of_kind"),
        first_offset=bindparam("at_offset"),
        next_offset=bindparam("to_offset"),
        messages=bindparam("of_messages"),
        rows_written=bindparam("more_rows"),
        dead_letters=bindparam("more_dead"),
        epoch=bindparam("of_epoch"),
        owner=bindparam("by_owner"),
        written_at=_NOW,
    )
)
