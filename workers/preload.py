"""What the forkserver imports once, so that workers share it; imported nowhere else.

A page that a worker writes to is its own, and running Python code for the first time writes: caches fill, code is
specialised, libraries set themselves up. So what every worker does once is done once here, before they are forked.
"""

from __future__ import annotations

import contextlib
import gc

from sqlalchemy import select, update
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.offsets import OFFSETS
from workers import consumer_process  # noqa: F401 - with everything that it imports
from workers.contract.schema_answers import SchemaLayout, Sealed
from workers.database.errors import DatabaseTrouble
from workers.database.session import open_session
from workers.rows.row_encoder import RowEncoder

_NOWHERE = "127.0.0.1:1"
_SCHEMA = {"type": "record", "name": "warm", "fields": [{"name": "up", "type": "long"}]}


def _warm_up() -> None:
    """Set up what needs no server; no thread and no connection is left, since workers are forked from here."""
    with contextlib.suppress(DatabaseTrouble):
        open_session(f"mysql+pymysql://nobody@{_NOWHERE}/nowhere", 1)
    for statement in (select(OFFSETS).with_for_update(), update(OFFSETS).values(epoch=OFFSETS.c.epoch + 1)):
        str(statement.compile(dialect=MySQLDialect_pymysql()))
    layout = table_layout(_SCHEMA, table="warm").rows()
    Sealed.of((SchemaLayout(0, _SCHEMA, layout),)).open()  # as it comes to a writer
    RowEncoder(layout, _SCHEMA, partition=0, schema_id=0)


_warm_up()
gc.collect()
gc.freeze()
