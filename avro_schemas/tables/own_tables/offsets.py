"""`kafka_offsets`: the truth about what is consumed, one row for each topic, partition and consumer group.

A writer moves `offset` in the transaction that holds the rows, and only if `epoch` and `offset` are still the ones
that it read (compare-and-set), so two writers can never commit the same range.
"""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects.mysql import BIGINT, CHAR, DATETIME, INTEGER, VARCHAR

from avro_schemas.naming import OFFSETS_TABLE


def offsets_table(metadata: MetaData) -> Table:
    """Adds the table to `metadata` and returns it.

    The key and `offset` are all that an INSERT must give: the counters start at 0, `leader_epoch` at -1 (unknown).
    """
    return Table(
        OFFSETS_TABLE,
        metadata,
        Column("topic", VARCHAR(249, charset="ascii", collation="ascii_bin"), primary_key=True, quote=True),
        Column("partition", INTEGER(), primary_key=True, autoincrement=False, quote=True),
        Column(
            "consumer_group", VARCHAR(249, charset="utf8mb4", collation="utf8mb4_bin"), primary_key=True, quote=True
        ),
        Column("offset", BIGINT(), nullable=False, comment="next offset to consume", quote=True),
        Column(
            "epoch", BIGINT(unsigned=True), nullable=False, server_default="0", comment="fences old writers", quote=True
        ),
        Column("leader_epoch", INTEGER(), nullable=False, server_default="-1", quote=True),
        Column("rows_total", BIGINT(unsigned=True), nullable=False, server_default="0", quote=True),
        Column("dead_total", BIGINT(unsigned=True), nullable=False, server_default="0", quote=True),
        Column("cluster_id", VARCHAR(64), quote=True),
        Column(
            "topic_id", CHAR(22), comment="tells a topic that was deleted and made again from the first one", quote=True
        ),
        Column("connection_id", BIGINT(unsigned=True), comment="of the writer that claimed last", quote=True),
        Column("server", VARCHAR(64), comment="that the writer was connected to", quote=True),
        Column("owner", VARCHAR(190), comment="host and process of the writer that claimed last", quote=True),
        Column("updated_at", DATETIME(fsp=6), comment="UTC", quote=True),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


#: The table as every module uses it; `offsets_table` makes a second one for another MetaData.
OFFSETS = offsets_table(MetaData())
