"""`rtpipe_table_changes`: every statement by which rtpipe altered a table, for which schema, when, and how it went."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, MEDIUMTEXT, VARCHAR

from avro_schemas.naming import OWN_PREFIX

MAX_OUTCOME = 500
#: What `outcome` says of a statement that went through, and of one whose session ended before it could say.
DONE, INTERRUPTED = "done", "interrupted"


def _text(length: int) -> VARCHAR:
    return VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")


CHANGES = Table(
    f"{OWN_PREFIX}table_changes",
    MetaData(),
    Column("id", BIGINT(), primary_key=True, autoincrement=True, quote=True),
    Column("table_name", _text(64), nullable=False, quote=True),
    Column("topic", VARCHAR(249, charset="ascii", collation="ascii_bin"), nullable=False, quote=True),
    Column("schema_id", BIGINT(), comment="NULL: a file's, not registered", quote=True),
    Column("statement", MEDIUMTEXT(), nullable=False, quote=True),
    Column("began_at", DATETIME(fsp=6), nullable=False, comment="UTC", quote=True),
    Column("finished_at", DATETIME(fsp=6), comment="UTC", quote=True),
    Column("outcome", _text(MAX_OUTCOME), comment=f"{DONE}, {INTERRUPTED}, or the server's words", quote=True),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
)
