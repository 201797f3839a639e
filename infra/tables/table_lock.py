"""The named lock of a table: one session of rtpipe at a time alters it. The server frees it with its session."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from infra.tables.refused_ddl import TableBusyError

_LOCK_SECONDS = 5  #: for which another session is waited for


@contextmanager
def table_lock(connection: Connection, database: str, table: str) -> Iterator[None]:
    """Hold the lock meanwhile. TableBusyError if another session has it."""
    digest = hashlib.sha256(f"{database}.{table}".encode()).hexdigest()
    name = f"rtpipe_table:{digest[:48]}"
    got = connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, _LOCK_SECONDS)).scalar()
    if got != 1:
        raise TableBusyError(f"another session of rtpipe alters table {table}")
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))
