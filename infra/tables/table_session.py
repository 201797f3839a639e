"""One table and a session that may alter it: looks, holds the table's named lock, runs DDL and keeps its history.

Killed at any moment it leaves nothing half done: the server finishes a statement or rolls it back, the lock goes with
the session, and whoever comes next takes the lock, looks anew, and marks what was left open in the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from avro_schemas.columns.found_table import FoundTable
from avro_schemas.tables.own_tables.table_changes import DONE
from infra.tables.alter_table import Alteration
from infra.tables.change_history import Cause, ChangeHistory
from infra.tables.database import Account, Sessions, action_for, error_number, run, said_by
from infra.tables.ddl import ServerFacts, demands_primary_key
from infra.tables.refused_ddl import Verb, denied, why_refused
from infra.tables.table_lock import table_lock
from infra.tables.table_look import found_table, json_depth
from rtpipe.errors import RtpipeError
from rtpipe.mysql.engine import is_mariadb
from rtpipe.mysql.error_numbers import OTHER_ALGORITHM, Action
from rtpipe.mysql.quoting import quoted, quoted_text

#: Seconds for the answer to one statement: a long copy outlives its session, and the next one finds it done.
DDL_SECONDS = 600
#: Without it MariaDB alters no table WITH SYSTEM VERSIONING; rows of before get the new column, too.
_KEEP_HISTORY = "SET SESSION system_versioning_alter_history = 'KEEP'"


class TableSession:
    """`connected` gives one; statements are each their own transaction."""

    def __init__(self, connection: Connection, account: Account, database: str, table: str) -> None:
        self._connection = connection
        self._account = account
        self.database = database
        self._table = table
        self._history = ChangeHistory(connection, database, table)
        self._is_versioned = False  # as of the last look

    def look(self) -> FoundTable | None:
        """The table as it is now; None if there is none that the account may see."""
        found = found_table(self._connection, self.database, self._table)
        self._is_versioned = found is not None and found.versioned
        return found

    def server_facts(self) -> ServerFacts:
        """What a table that is to be made depends on."""
        depth, demands = json_depth(self._connection), demands_primary_key(self._connection)
        return ServerFacts(self.database, is_mariadb(self._connection), depth, demands)

    def create(self, sql: str) -> None:
        """Make the table. Raises as `alter` does."""
        try:
            run(self._connection, sql)
        except DBAPIError as error:
            if self._connection.invalidated:
                raise
            raise self._refused(error, "make", sql, f"CREATE ON {quoted(self.database)}.*") from error

    def locked(self) -> AbstractContextManager[None]:
        """Alone with the table, as far as rtpipe goes. TableBusyError if another session alters it just now."""
        return table_lock(self._connection, self.database, self._table)

    def close_open_entries(self) -> None:
        """Close what a session left open that was cut off, if it has come to its end by now, and the account may."""
        if self._history.has_open():
            with self.locked():
                self._history.close_open_if_allowed()

    def alter(self, alteration: Alteration, cause: Cause, *, may_copy: bool) -> bool:
        """Run it and write that down; False if the server must copy the table, and may not.

        TableBusyError where a try later may do; AccessDeniedError with the statement and the GRANT that it needs;
        EvolutionError with what else the server says.
        """
        number = self._begin(alteration.sql, cause)
        outcome = DONE
        try:
            done = self._try(alteration, may_copy=may_copy)
            outcome = DONE if done else "it needs a copy of the table, which was not allowed"
            return done
        except DBAPIError as error:
            if self._connection.invalidated:
                raise  # its outcome is unknown; the next session closes the entry
            outcome = said_by(error)
            privilege = f"ALTER ON {quoted(self.database, self._table)}"
            raise self._refused(error, "alter", alteration.sql, privilege) from error
        finally:
            if not self._connection.invalidated:
                self._history.finish(number, outcome)

    def _try(self, alteration: Alteration, *, may_copy: bool) -> bool:
        if self._is_versioned:
            run(self._connection, _KEEP_HISTORY)
        ways = [*alteration.ways, *([alteration.begin] if may_copy else [])]
        for sql in ways:
            try:
                run(self._connection, sql)
                return True
            except DBAPIError as error:
                if error_number(error) not in OTHER_ALGORITHM:
                    raise
        return False

    def _begin(self, sql: str, cause: Cause) -> int:
        """The number of a new entry in the history."""
        try:
            return self._history.begin(sql, cause)
        except DBAPIError as error:
            if action_for(error) is not Action.DENIED:
                raise
            privileges = f"CREATE, SELECT, INSERT, UPDATE ON {self._history.name}"
            raise self._denied(sql, privileges) from error

    def _refused(self, error: DBAPIError, verb: Verb, sql: str, privilege: str) -> RtpipeError:
        if action_for(error) is Action.DENIED:
            return self._denied(sql, privilege)
        return why_refused(error, verb, self._table, sql)

    def _denied(self, sql: str, privilege: str) -> RtpipeError:
        user, _, host = str(self._connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one()).rpartition("@")
        grant = f"GRANT {privilege} TO {quoted_text(user)}@{quoted_text(host)}"
        return denied(self._account, self._table, sql, grant)


@contextmanager
def connected(
    account: Account, database: str, table: str, kind: Callable[..., TableSession] = TableSession
) -> Iterator[TableSession]:
    """A session, of another `kind` if one is given, on a connection of its own, closed in the end.

    Raises as `Sessions.connected` does.
    """
    sessions = Sessions(DDL_SECONDS)
    try:
        with sessions.connected(account, doing=f"looking at table {table}", unknown_passes=True) as connection:
            yield kind(connection, account, database, table)
    finally:
        sessions.close()
