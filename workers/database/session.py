"""One database connection of a writer: opened with pinned settings, checked, never reconnected in silence."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import pymysql
from sqlalchemy import URL, text
from sqlalchemy.engine import Connection, CursorResult, make_url
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.pool import NullPool

from avro_schemas.columns.found_table import UnusableTableError, require_usable
from avro_schemas.columns.key_columns import WHOLE_KEY, apart_sql, folding_problem
from avro_schemas.tables.unfit import TableUnfitError, require_upsert_key
from rtpipe.mysql.engine import is_mariadb, mysql_engine
from rtpipe.mysql.error_numbers import CONNECTION_LOST, READ_ONLY, UNKNOWN_VARIABLE
from workers.contract.errors import SetupError
from workers.database.errors import DatabaseTrouble, trouble_of

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
        row = self._one("SELECT CONNECTION_ID(), @@max_allowed_packet, @@sql_mode, @@hostname, @@port")
        self.id = int(row[0])
        self.max_packet = int(row[1])
        self.is_mariadb = is_mariadb(connection)
        self.server = f"{row[3]}:{row[4]}" if self.is_mariadb else str(self._one("SELECT @@server_uuid")[0])
        self._require_pinned(str(row[2]))
        self._require_writable()
        connection.rollback()

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

    def _require_writable(self) -> None:
        """A demoted primary still answers; wait for the real one instead of failing on the first row."""
        variables = ["read_only", "innodb_read_only"] + ([] if self.is_mariadb else ["super_read_only"])
        values = self._one("SELECT " + ", ".join(f"@@GLOBAL.{name}" for name in variables))
        if any(str(value).upper() not in {"0", "OFF", "NONE"} for value in values):
            raise DatabaseTrouble(READ_ONLY)

    def execute(self, statement: bytes) -> int:
        """Run a statement that holds its values; how many rows it wrote or found. Raises DatabaseTrouble."""
        with translated():
            return self._driver(statement).rowcount

    def query(self, statement: bytes) -> list[Sequence[Any]]:
        """The rows that a query, which holds its values, gives. Raises DatabaseTrouble."""
        with translated():
            return [tuple(row) for row in self._driver(statement)]

    def commit(self) -> None:
        """Commit the open transaction. Raises DatabaseTrouble, also if none is open, as after `close`: SQLAlchemy would
        then send nothing, and return as if it had committed.
        """
        with translated():
            if not self.connection.in_transaction():
                raise DatabaseTrouble(CONNECTION_LOST)
            self.connection.commit()

    def _driver(self, statement: bytes) -> CursorResult[Any]:
        """Bytes as they are, although SQLAlchemy's types say str: PyMySQL sends both, and an encoding is saved."""
        text_or_bytes: Any = statement
        return self.connection.exec_driver_sql(text_or_bytes, execution_options={"no_parameters": True})

    def has_table(self, table: str) -> bool:
        """Whether there is such a table, and the account may see it."""
        return self._kind(table) is not None

    def _kind(self, table: str) -> Sequence[Any] | None:
        sql = (
            "SELECT table_type, engine FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name = :t"
        )
        with translated():
            row = self.connection.execute(text(sql), {"t": table}).one_or_none()
            self.connection.rollback()
        return row

    def require_innodb(self, table: str) -> None:
        """Refuse what is no table, or has no transactions: its rows would not roll back with the offset."""
        row = self._kind(table)
        if row is None:
            raise SetupError(
                f"table {table} does not exist, or the account may not see it ({login_of(self.connection.engine.url)})",
                hint="`rtpipe setup` makes and grants what is missing",
            )
        try:
            require_usable(table, row[0], row[1])
        except UnusableTableError as error:
            raise SetupError(error.message, hint=error.hint) from None

    def columns_mark(self, table: str) -> str:
        """A mark of the table's columns: another one after any change of names, types, character sets or NULL."""
        sql = (
            "SELECT column_name, column_type, collation_name, is_nullable FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = :t ORDER BY ordinal_position"
        )
        with translated():
            rows = self.connection.execute(text(sql), {"t": table}).all()
            self.connection.rollback()
        return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()

    def require_key(self, table: str, key: Sequence[str]) -> None:
        """Refuse a table whose rows cannot be updated by `key`: ON DUPLICATE KEY fires on every unique index, and two
        keys are one to a collation that folds. What else a key column must be, the topic's schema tells, later.
        """
        sql = (
            "SELECT index_name, column_name, sub_part, collation_name, column_type"
            " FROM information_schema.statistics JOIN information_schema.columns"
            " USING (table_schema, table_name, column_name) WHERE table_schema = DATABASE()"
            " AND table_name = :t AND non_unique = 0 ORDER BY index_name, seq_in_index"
        )
        with translated():
            rows = self.connection.execute(text(sql), {"t": table}).all()
            self.connection.rollback()
        indexes: dict[str, list[str]] = {}
        for index, column, *_ in rows:
            indexes.setdefault(str(index), []).append(str(column))
        primary = indexes.pop("PRIMARY", [])
        try:
            require_upsert_key(table, primary, list(indexes), key)
        except TableUnfitError as error:
            raise SetupError(error.message, hint=error.hint) from None
        for row in rows:
            _require_apart(table, row, mariadb=self.is_mariadb)

    def close(self) -> None:
        """Close without a word; the server rolls back whatever was open."""
        with contextlib.suppress(Exception):
            self.connection.invalidate()
        with contextlib.suppress(Exception):
            self.connection.close()


def _require_apart(table: str, row: Sequence[Any], *, mariadb: bool) -> None:
    """Refuse a key column that makes one key of two."""
    _, column, part, collation, kind = row
    if problem := folding_problem(column, part, collation):
        whole = part is None
        hint = f"repair it by: {apart_sql(table, column, kind, mariadb=mariadb)}" if whole else WHOLE_KEY
        raise SetupError(f"table {table}: {problem}, so an upsert would hit the row of another key", hint=hint)


def open_session(url: str, silence: int) -> DatabaseSession:
    """Connect and pin the session. Raises DatabaseTrouble for what the server or the network refuses.

    `silence`: seconds until a silent server counts as gone. Half of it waits for locks, so that a lock wait ends with
    the server's answer; a writer's heartbeat must not end before it.
    """
    connect_args = {
        "connect_timeout": min(silence, _CONNECT_TIMEOUT),
        "read_timeout": silence,
        "write_timeout": silence,
        "charset": "utf8mb4",
        "init_command": MODE,
        "local_infile": False,
    }
    where = make_url(url)
    try:
        with translated():
            connection = mysql_engine(where, poolclass=NullPool, connect_args=connect_args).connect()
            try:
                _end_idle_transactions(connection)
                _pin(connection, lock_wait=max(1, silence // 2))
                return DatabaseSession(connection)
            except BaseException:
                connection.close()
                raise
    except DatabaseTrouble as trouble:
        raise trouble.at(login_of(where)) from None


def login_of(where: URL) -> str:
    """The account, the server and the database of a URL, as they may be shown."""
    return f"{where.username or ''}@{where.host or 'localhost'}:{where.port or 3306}/{where.database or ''}"


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


@contextlib.contextmanager
def translated(table: str = "") -> Iterator[None]:
    """Turn what the driver raises into DatabaseTrouble, by number; `table` is said to be where."""
    try:
        yield
    except (DBAPIError, PendingRollbackError, pymysql.err.Error, OSError) as exc:
        raise trouble_of(exc).at(f"table {table}" if table else "") from exc
