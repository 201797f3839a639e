"""`rtpipe_dead_letters`: the messages that could not become rows, each with what Kafka gave and why.

A letter is written in the transaction that moves the offset past its message, so each is there exactly once. The key
holds the topic's id: a topic that was made again counts its offsets anew. A letter that somebody dropped keeps its
place, without key, value and headers: `rtpipe verify` must tell its message from one that was lost.
"""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects.mysql import BIGINT, CHAR, DATETIME, INTEGER, JSON, LONGBLOB, VARCHAR

from avro_schemas.naming import OWN_PREFIX

MAX_TEXT = 1_000


def _text(length: int) -> VARCHAR:
    return VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")


def _ascii(length: int) -> VARCHAR:
    return VARCHAR(length, charset="ascii", collation="ascii_bin")


DEAD_LETTERS = Table(
    f"{OWN_PREFIX}dead_letters",
    MetaData(),
    Column("topic", _ascii(249), primary_key=True, quote=True),
    Column("partition", INTEGER(), primary_key=True, autoincrement=False, quote=True),
    Column("offset", BIGINT(), primary_key=True, autoincrement=False, quote=True),
    Column("consumer_group", _text(249), primary_key=True, quote=True),
    Column("topic_id", CHAR(22, charset="ascii", collation="ascii_bin"), primary_key=True, quote=True),
    Column("timestamp", DATETIME(fsp=3), comment="of the message, UTC", quote=True),
    Column("key", LONGBLOB(), quote=True),
    Column("value", LONGBLOB(), comment="as it lay in Kafka, with the wire format's header", quote=True),
    Column("headers", JSON(), comment="[[name, value in base64], ...]", quote=True),
    Column("schema_id", BIGINT(), quote=True),
    Column("error_name", _ascii(64), nullable=False, quote=True),
    Column("error_text", _text(MAX_TEXT), nullable=False, comment="never quotes the value", quote=True),
    Column("table_name", _text(64), nullable=False, comment="that the row was meant for", quote=True),
    Column("written_at", DATETIME(fsp=6), nullable=False, comment="UTC", quote=True),
    Column("dropped_at", DATETIME(fsp=6), comment="UTC; key, value and headers are gone since then", quote=True),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
)
