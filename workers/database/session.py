"""One database connection of a writer: opened with pinned settings, checked, never reconnected in silence."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any, cast

from pymysql.constants import CLIENT
from sqlalchemy.engine import Connection, CursorResult, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from rtpipe.mysql.engine import is_mariadb, mysql_engine
from rtpipe.mysql.error_numbers import CONNECTION_LOST, READ_ONLY, UNKNOWN_VARIABLE
from rtpipe.mysql.local_load import LoadingConnection
from rtpipe.mysql.servers import takes_writes
from workers.contract.errors import SetupError
from workers.contract.reports import ServerSeen
from workers.database.errors import DatabaseTrouble, login_of, translated, trouble_of
from workers.database.one_trip import OneTrip
from workers.database.table_checks import TableChecks
from workers.database.table_load import LoadChecks, load_statement, packets_of

_CONNECT_TIMEOUT = 10
#: Set before anything else is said: the server's own mode may be one in which our statements mean something else.
MODE = (
    "SET SESSION sql_mode='STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
    "NO_ENGINE_SUBSTITUTION'"
)
#: READ COMMITTED: an UPDATE that matches nothing must not keep its row locked (REPEATABLE READ does).
#: wait_timeout frees the locks of a writer that was stopped in the middle of a transaction.
_PINNED = (
    "SET SESSION time_zone='+00:00', wait_timeout=30,"
    " innodb_lock_wait_timeout={lock}, lock_wait_timeout={lock}, transaction_isolation='READ-COMMITTED'"
)


#: By which quotes or backslashes mean something else.
_FOREIGN_MODES = ("NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ORACLE")


class DatabaseSession:
    """One connection. `id` and `server` let a successor KILL it if it holds a lock and never lets go."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        asked = time.monotonic()
        row = self._one("SELECT CONNECTION_ID(), @@max_allowed_packet, @@sql_mode, @@hostname, @@port, @@version")
        self.seen = ServerSeen(str(row[5]), time.monotonic() - asked)
        self.id = int(row[0])
        self.max_packet = int(row[1])
        self.is_mariadb = is_mariadb(connection)
        self.server = f"{row[3]}:{row[4]}" if self.is_mariadb else str(self._one("SELECT @@server_uuid")[0])
        self._require_pinned(str(row[2]))
        connection.rollback()
        self.tables = TableChecks(connection)
        self.loads = LoadChecks(connection)
        self.one_trip = OneTrip(self._driver_connection)

    def _one(self, sql: str) -> Any:
        return self.connection.exec_driver_sql(sql).one()

    def _require_pinned(self, sql_mode: str) -> None:
        """A proxy in between may swallow a SET, or hand on a connection of somebody else's settings."""
        zone, charset = map(str, self._one("SELECT @@time_zone, @@character_set_connection"))
        strict = "STRICT_ALL_TABLES" in sql_mode and not any(mode in sql_mode for mode in _FOREIGN_MODES)
        if not strict or (zone, charset) != ("+00:00", "utf8mb4"):
            raise SetupError(
                f"the server at {self.server} did not take the session's settings: sql_mode {sql_mode},"
                f" time_zone {zone}, character set {charset}"
            )

    def require_writable(self) -> None:
        """A demoted primary still answers; wait for the real one instead of failing on the first row. Raises
        DatabaseTrouble.
        """
        with translated():
            writable = takes_writes(self._one)
            self.connection.rollback()
        if not writable:
            raise DatabaseTrouble(READ_ONLY).at(login_of(self.connection.engine.url))

    def execute(self, statement: bytes) -> int:
        """Run a statement that holds its values; how many rows it wrote or found. Raises DatabaseTrouble."""
        with translated():
            return self._driver(statement).rowcount

    def load(self, table: str, columns: str, content: bytes) -> tuple[int, int]:
        """Load rows from memory by LOAD DATA LOCAL: how many the server wrote, and its warnings. It skips rows that it
        refuses and changes values that do not fit, both with a warning. Raises DatabaseTrouble.
        """
        with translated():
            self._require_transaction()
            return self._driver_connection().load(load_statement(table, columns), packets_of(content, self.max_packet))

    def query(self, statement: bytes) -> list[Sequence[Any]]:
        """The rows that a query, which holds its values, gives. Raises DatabaseTrouble."""
        with translated():
            return [tuple(row) for row in self._driver(statement)]

    def commit(self) -> None:
        """Commit the open transaction. Raises DatabaseTrouble, also if none is open, as after `close`: SQLAlchemy would
        then send nothing, and return as if it had committed.
        """
        with translated():
            self._require_transaction()
            self.connection.commit()

    def _driver_connection(self) -> LoadingConnection:
        """In the place of one that it holds for lost, SQLAlchemy would open another, with other settings."""
        if self.connection.closed or self.connection.invalidated:
            raise DatabaseTrouble(CONNECTION_LOST)
        driver: Any = self.connection.connection.driver_connection
        return cast("LoadingConnection", driver)

    def _require_transaction(self) -> None:
        if not self.connection.in_transaction():
            raise DatabaseTrouble(CONNECTION_LOST)

    def _driver(self, statement: bytes) -> CursorResult[Any]:
        """Bytes as they are, although SQLAlchemy's types say str: PyMySQL sends both, and an encoding is saved."""
        text_or_bytes: Any = statement
        return self.connection.exec_driver_sql(text_or_bytes, execution_options={"no_parameters": True})

    def close(self) -> None:
        """Close without a word; the server rolls back whatever was open."""
        with contextlib.suppress(Exception):
            self.connection.invalidate()
        with contextlib.suppress(Exception):
            self.connection.close()


def open_session(url: str, silence: int, *, writes: bool = True) -> DatabaseSession:
    """Connect and pin the session. Raises DatabaseTrouble for what the server or the network refuses, and for a server
    that takes no writes, unless nobody `writes`.

    `silence`: seconds until a silent server counts as gone. Half of it waits for locks, so that a lock wait ends with
    the server's answer; a writer's heartbeat must not end before it.
    """
    connect_args = {
        "connect_timeout": min(silence, _CONNECT_TIMEOUT),
        "read_timeout": silence,
        "write_timeout": silence,
        "charset": "utf8mb4",
        "init_command": MODE,
        "local_infile": True,
        "client_flag": CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS,
    }
    where = make_url(url)
    try:
        with translated():
            connection = mysql_engine(where, poolclass=NullPool, connect_args=connect_args).connect()
            try:
                _end_idle_transactions(connection)
                _pin(connection, lock_wait=max(1, silence // 2))
                session = DatabaseSession(connection)
                if writes:
                    session.require_writable()
                return session
            except BaseException:
                connection.close()
                raise
    except DatabaseTrouble as trouble:
        raise trouble.at(login_of(where)) from None


def _end_idle_transactions(connection: Connection) -> None:
    """MariaDB alone can: the transaction of a stopped writer ends by itself."""
    try:
        connection.exec_driver_sql("SET SESSION idle_write_transaction_timeout=30")
    except DBAPIError as exc:
        if trouble_of(exc).number != UNKNOWN_VARIABLE:
            raise


def _pin(connection: Connection, lock_wait: int) -> None:
    pinned = _PINNED.format(lock=lock_wait)
    try:
        connection.exec_driver_sql(pinned)
    except DBAPIError as exc:
        if trouble_of(exc).number != UNKNOWN_VARIABLE:  # MariaDB before 11.1 calls it tx_isolation
            raise
        connection.exec_driver_sql(pinned.replace("transaction_isolation", "tx_isolation"))
