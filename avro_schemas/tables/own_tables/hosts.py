"""`rtpipe_hosts`: what each host that shares partitions says of itself, and what is asked of it. For people alone.

Nothing that is committed depends on it.
"""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMTEXT, VARCHAR

from avro_schemas.naming import OWN_PREFIX


def _text(length: int) -> VARCHAR:
    return VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")


HOSTS = Table(
    f"{OWN_PREFIX}hosts",
    MetaData(),
    Column("member_group", _text(249), primary_key=True, quote=True),
    Column("instance_id", VARCHAR(249, charset="ascii", collation="ascii_bin"), primary_key=True, quote=True),
    Column("owner", _text(190), nullable=False, comment="host and process of the supervisor", quote=True),
    Column("published_at", DATETIME(fsp=6), nullable=False, comment="UTC", quote=True),
    Column("status", MEDIUMTEXT(), nullable=False, comment="JSON, as rtpipe status has it, shortened", quote=True),
    Column("asked", MEDIUMTEXT(), comment="JSON: what a person asks of it, and who; NULL: nothing", quote=True),
    Column("answer", MEDIUMTEXT(), comment="JSON: what came of that; NULL: not done yet", quote=True),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
)
