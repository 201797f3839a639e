"""One table and a session that may alter it: looks, holds the table's named lock, runs DDL and keeps its history.

Killed at any moment it leaves nothing half done: the server finishes a statement or rolls it back, the lock goes with
the session, and whoever comes next takes the lock, looks anew, and marks what was left open in the history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from avro_schemas.columns.found_table import FoundTable
from avro_schemas.tables.evolution import EvolutionError
from avro_schemas.tables.own_tables.table_changes import CHANGES, DONE, INTERRUPTED, MAX_OUTCOME
from infra.tables.alter_table import Alteration
from infra.tables.database import Account, Sessions, action_for, error_number, run, said_by
from infra.tables.ddl import ServerFacts, create_table_sql, demands_primary_key
from infra.tables.table_look import found_table, json_depth
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import UnreachableError
from rtpipe.mysql.error_numbers import (
    LOCK_WAIT_TIMEOUT,
    NO_TABLE,
    OTHER_ALGORITHM,
    PASSING,
    TABLE_CHANGED,
    Action,
    words_for,
)
from rtpipe.mysql.quoting import quoted, quoted_text

#: Seconds for the answer to one statement: a long copy outlives its session, and the next one finds it done.
DDL_SECONDS = 600
_LOCK_SECONDS = 5
_DONE = {"alter": "altered", "make": "made"}
#: Without it MariaDB alters no table WITH SYSTEM VERSIONING; rows of before get the new column, too.
_KEEP_HISTORY = "SET SESSION system_versioning_alter_history = 'KEEP'"


class TableBusyError(UnreachableError):
    """Another session holds the table, or alters it: worth another try."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Whose schema asks for a change; no id: one that is not registered."""

    topic: str
    schema_id: int | None


class TableSession:
    """`connected` gives one; statements are each their own transaction."""

    def __init__(self, connection: Connection, account: Account, database: str, table: str) -> None:
        self._connection = connection
        self._account = account
        self.database = database
        self._table = table
        self._is_versioned = False  # as of the last look

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is MariaDB and not MySQL."""
        return bool(getattr(self._connection.dialect, "is_mariadb", False))

    def look(self) -> FoundTable | None:
        """The table as it is now; None if there is none that the account may see."""
        found = found_table(self._connection, self.database, self._table)
        self._is_versioned = found is not None and found.versioned
        return found

    def json_depth(self) -> int:
        """How many arrays and objects inside one another JSON of this server may have."""
        return json_depth(self._connection)

    def server_facts(self) -> ServerFacts:
        """What a table that is to be made depends on."""
        demands = demands_primary_key(self._connection)
        return ServerFacts(self.database, self.is_mariadb, self.json_depth(), demands)

    def create(self, sql: str) -> None:
        """Make the table. Raises as `alter` does."""
        try:
            run(self._connection, sql)
        except DBAPIError as error:
            if self._connection.invalidated:
                raise
            raise self._explained(error, "make", sql, f"GRANT CREATE ON {quoted(self.database)}.* TO") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the table, as far as rtpipe goes. TableBusyError if another session alters it just now."""
        digest = hashlib.sha256(f"{self.database}.{self._table}".encode()).hexdigest()
        name = f"rtpipe_table:{digest[:48]}"
        got = self._connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, _LOCK_SECONDS)).scalar()
        if got != 1:
            raise TableBusyError(f"another session of rtpipe alters table {self._table}")
        try:
            yield
        finally:
            if not self._connection.invalidated:
                self._connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))

    def settle_history(self) -> None:
        """Close what a session left open that was cut off, if it has come to its end by now."""
        history = quoted(self.database, CHANGES.name)
        try:
            sql = f"SELECT COUNT(*) FROM {history} WHERE table_name = %s AND finished_at IS NULL"
            if not self._connection.exec_driver_sql(sql, (self._table,)).scalar():
                return
            with self.locked():
                self._close_open_entries()
        except DBAPIError as error:
            if error_number(error) != NO_TABLE and action_for(error) is not Action.DENIED:
                raise

    def _close_open_entries(self) -> None:
        sql = f"UPDATE {quoted(self.database, CHANGES.name)} SET outcome = %s, finished_at = UTC_TIMESTAMP(6)"
        self._history(f"{sql} WHERE table_name = %s AND finished_at IS NULL", INTERRUPTED, self._table)

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
            outcome = said_by(error)[:MAX_OUTCOME]
            grant = f"GRANT ALTER ON {quoted(self.database, self._table)} TO"
            raise self._explained(error, "alter", alteration.sql, grant) from error
        finally:
            if not self._connection.invalidated:
                self._finish(number, outcome)

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

    def _explained(self, error: DBAPIError, verb: str, sql: str, grant: str) -> Exception:
        """Why the statement that is to make or alter the table was refused; `grant` gives the privilege for it."""
        number, action = error_number(error), action_for(error)
        waits = f"table {self._table} waits to be {_DONE[verb]}: {said_by(error)}"
        if number in TABLE_CHANGED:
            return TableBusyError(waits, hint="somebody changed its columns meanwhile, so it is looked at again")
        if number == LOCK_WAIT_TIMEOUT:
            hint = "another session has it open in a transaction; SHOW PROCESSLIST names it"
            return TableBusyError(waits, hint=hint)
        if action in PASSING:
            busy = TableBusyError if action is Action.REPLAY else UnreachableError
            return busy(waits, hint=words_for(number))
        if action is Action.DENIED:
            return self._denied(sql, f"{grant} {self._me()}")
        return EvolutionError(
            f"the database refuses to {verb} table {self._table}: {said_by(error)}", hint=f"the statement is: {sql}"
        )

    def _denied(self, *statements: str) -> AccessDeniedError:
        """Without the statement's words nobody could help: what was to be run, and what gives the right to it."""
        lines = "".join(f"\n  {sql};" for sql in reversed(statements))
        return AccessDeniedError(
            f"the account {self._account.user} of {self._account.setting} may not create or alter table {self._table}",
            hint=f"have the privilege given, or the statement run, then go on with `rtpipe resume`:{lines}",
        )

    def _me(self) -> str:
        user, _, host = str(self._connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one()).rpartition("@")
        return f"{quoted_text(user)}@{quoted_text(host)}"

    def _begin(self, sql: str, cause: Cause) -> int:
        """The number of a new entry in the history, after closing those of sessions that were cut off."""
        history = quoted(self.database, CHANGES.name)
        try:
            self._close_open_entries()
            columns = "(table_name, topic, schema_id, statement, began_at)"
            return self._history(
                f"INSERT INTO {history} {columns} VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(6))",
                self._table,
                cause.topic,
                cause.schema_id,
                sql,
            )
        except DBAPIError as error:
            if action_for(error) is not Action.DENIED:
                raise
            raise self._denied(sql, f"GRANT CREATE, SELECT, INSERT, UPDATE ON {history} TO {self._me()}") from error

    def _finish(self, number: int, outcome: str) -> None:
        history = quoted(self.database, CHANGES.name)
        self._history(
            f"UPDATE {history} SET outcome = %s, finished_at = UTC_TIMESTAMP(6) WHERE id = %s", outcome, number
        )

    def _history(self, sql: str, *values: object) -> int:
        """Run it, making the table first if it is not there; the number of the row that it inserted."""
        try:
            return int(self._connection.exec_driver_sql(sql, values).lastrowid)
        except DBAPIError as error:
            if error_number(error) != NO_TABLE:
                raise
        run(self._connection, create_table_sql(CHANGES, self.database))
        return int(self._connection.exec_driver_sql(sql, values).lastrowid)


@contextmanager
def connected(account: Account, database: str, table: str) -> Iterator[TableSession]:
    """A session on a connection of its own, closed in the end. Raises as `Sessions.connected` does."""
    sessions = Sessions(DDL_SECONDS)
    try:
        with sessions.connected(account, doing=f"looking at table {table}", unknown_passes=True) as connection:
            yield TableSession(connection, account, database, table)
    finally:
        sessions.close()
