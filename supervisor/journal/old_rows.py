"""Removes the old rows of the journal, in small transactions of their own."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection

from avro_schemas.tables.own_tables.journal import JOURNAL
from rtpipe.pause import PausePolicy
from supervisor.admin.connection import admin_connection
from workers.database.errors import translated

#: Rows of one DELETE, and the rest after it, which is for others.
_PIECE, _RESTS = 1_000, PausePolicy.steady(0.05)
_DAY = 86_400
#: The last of the oldest rows that is to go. They are those in front, so nobody else's are read or locked.
_LAST_OLD = (
    f"SELECT MAX(id) FROM (SELECT id, written_at FROM {JOURNAL.name} ORDER BY id LIMIT {_PIECE}) AS oldest"
    " WHERE written_at < UTC_TIMESTAMP(6) - INTERVAL %(seconds)s SECOND"
)
_DELETE = f"DELETE FROM {JOURNAL.name} WHERE id <= %(last)s ORDER BY id LIMIT {_PIECE}"


class OldRows:
    """Of the whole table, whoever wrote them: it has one age for all."""

    def __init__(self, database_url: Callable[[], str], silence: int, days: float) -> None:
        """`database_url`: as it is by now. `silence`: seconds until a silent server counts as gone. `days`: 0: none is
        too old.
        """
        self._database_url = database_url
        self._silence = silence
        self._days = days

    def remove(self) -> int:
        """How many were removed. Takes as long as it takes. Raises as `admin_connection` does."""
        if not self._days:
            return 0
        removed = 0
        doing = "removing old rows of the journal"
        with admin_connection(self._database_url(), self._silence, JOURNAL.name, doing) as connection:
            while True:
                found = self._piece(connection)
                removed += found
                if found < _PIECE:
                    return removed
                time.sleep(_RESTS.seconds())

    def _piece(self, connection: Connection) -> int:
        with translated(JOURNAL.name):
            last = connection.exec_driver_sql(_LAST_OLD, {"seconds": round(self._days * _DAY)}).scalar()
            connection.rollback()
            if last is None:
                return 0
            found = connection.exec_driver_sql(_DELETE, {"last": last}).rowcount
            connection.commit()
        return found
