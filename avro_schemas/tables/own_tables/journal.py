"""`rtpipe_journal`: on request, a row for each change of a row of `kafka_offsets`, written in the transaction of it.

So each row of a partition begins where the one before it ended, in the order of `id`, and the sums of rows and dead
letters are the totals. The key is a number: none of its own could refuse a batch, and old rows are those in front.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, MetaData, Table
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, INTEGER, VARCHAR

from avro_schemas.naming import OWN_PREFIX

#: What changed the row of kafka_offsets: a batch, a retry of dead letters, a person who set or adopted it.
BATCH, RETRY, SET, ADOPT = "batch", "retry", "set", "adopt"


def _text(length: int) -> VARCHAR:
    return VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")


def _ascii(length: int) -> VARCHAR:
    return VARCHAR(length, charset="ascii", collation="ascii_bin")


JOURNAL = Table(
    f"{OWN_PREFIX}journal",
    MetaData(),
    Column("id", BIGINT(unsigned=True), primary_key=True, autoincrement=True, quote=True),
    Column("topic", _ascii(249), nullable=False, quote=True),
    Column("partition", INTEGER(), nullable=False, quote=True),
    Column("consumer_group", _text(249), nullable=False, quote=True),
    Column("kind", _ascii(16), nullable=False, comment=f"{BATCH}, {RETRY}, {SET} or {ADOPT}", quote=True),
    Column("first_offset", BIGINT(), nullable=False, comment="the offset before", quote=True),
    Column("next_offset", BIGINT(), nullable=False, comment="the offset after", quote=True),
    Column("messages", INTEGER(), nullable=False, comment="read from Kafka", quote=True),
    Column("rows_written", INTEGER(), nullable=False, comment="messages that took effect on the table", quote=True),
    Column("dead_letters", INTEGER(), nullable=False, comment="more of them; less, by a retry", quote=True),
    Column("epoch", BIGINT(unsigned=True), nullable=False, quote=True),
    Column("owner", _text(190), nullable=False, comment="host and process, or the person", quote=True),
    Column("written_at", DATETIME(fsp=6), nullable=False, comment="UTC, just before the COMMIT", quote=True),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
)
_BY_OFFSET = ("topic", "partition", "consumer_group", "next_offset", "first_offset")
Index("by_offset", *(JOURNAL.c[name] for name in _BY_OFFSET))  # the row of an offset is found in the index alone
