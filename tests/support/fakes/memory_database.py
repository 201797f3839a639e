"""A database in memory for unit tests of what writers say to a server: SQLite, with the server's errors on request.

Compare-and-set, rows and rollbacks are real: only MySQL's spelling is translated, and what its locks would wait for is
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymysql
from sqlalchemy import Table
from sqlalchemy.exc import IntegrityError

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.mysql.error_numbers import CONNECTION_LOST, READ_ONLY, Action
from tests.support.fakes.sqlite_spelling import PARAMETER, in_sqlite, sqlite_engine
from workers.contract.errors import SetupError
from workers.database.errors import DatabaseTrouble, trouble_of


@dataclass
class Fault:
    """An error of the server at the next statement that holds `what`: instead of it, or after it was done."""

    what: str
    number: int
    after: bool = False
    times: int = 1


@dataclass
class MemoryServer:
    """kafka_offsets, rtpipe_dead_letters, rtpipe_journal and orders(a primary key, b), and whoever is connected."""

    uuid: str = "server-a"
    faults: list[Fault] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  #: statements, COMMIT and ROLLBACK among them
    opened: int = 0
    not_innodb: set[str] = field(default_factory=set)  #: tables whose engine has no transactions
    has_dead_letters: bool = True
    mark: str = "columns"
    takes_load: bool = False
    one_trip_is_safe: bool = True
    read_only: bool = False
    before: Callable[[str], None] = lambda _: None  #: called with each statement, before it

    def __post_init__(self) -> None:
        self.engine = sqlite_engine()
        with self.engine.begin() as connection:
            for table in (OFFSETS, DEAD_LETTERS):
                key = ", ".join(f"`{column.name}`" for column in table.primary_key)
                names = ", ".join(f"`{column.name}`" for column in table.columns)
                connection.exec_driver_sql(f"CREATE TABLE {table.name} ({names}, PRIMARY KEY ({key}))")
            kept = ", ".join(f"`{name}`" for name in list(JOURNAL.columns.keys())[1:])
            connection.exec_driver_sql(f"CREATE TABLE {JOURNAL.name} (id INTEGER PRIMARY KEY, {kept})")
            connection.exec_driver_sql("CREATE TABLE orders (a PRIMARY KEY, b, CHECK (b IS NULL OR b < 100))")

    def open(self, _url: str, _silence: int) -> Any:
        """What `open_session` gives."""
        self.hear("CONNECT")
        self.opened += 1
        return MemorySession(self, self.opened)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What is committed, or in the transaction that is open."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def sql(self, statement: str) -> None:
        """What somebody else does, committed at once."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def hear(self, statement: str, *, after: bool = False) -> None:
        """Note it, or answer with the error that a test asked for."""
        if not after:
            self.said.append(statement)
            self.before(statement)
        for fault in self.faults:
            if fault.times and fault.what in statement and fault.after is after:
                fault.times -= 1
                raise pymysql.err.OperationalError(fault.number, "as a test wants it")


class MemoryConnection:
    """As much of SQLAlchemy's Connection as writers use."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self._connection = server.engine.connect()

    def execute(self, statement: Any) -> Any:
        return self._heard(str(statement), lambda: self._connection.execute(statement))

    def hear(self, text: str) -> None:
        """A statement without an effect of its own."""
        self._heard(text, lambda: None)

    def exec_driver_sql(self, statement: Any, parameters: Any = None, **_: Any) -> Any:
        text = statement.decode(errors="surrogateescape") if isinstance(statement, bytes) else statement
        if text.startswith("KILL"):
            return self._heard(text, lambda: None)
        sql = PARAMETER.sub(r":\1", text) if parameters else in_sqlite(text)
        return self._heard(text, lambda: self._connection.exec_driver_sql(sql, parameters))

    def _heard(self, text: str, run: Callable[[], Any]) -> Any:
        self._server.hear(text)
        try:
            done = run()
        except IntegrityError as error:
            number, said = (1062, "for key 'PRIMARY'") if "UNIQUE" in str(error) else (3819, "no")
            raise pymysql.err.IntegrityError(number, said) from error
        self._server.hear(text, after=True)
        return done

    def in_transaction(self) -> bool:
        return self._connection.in_transaction()

    def commit(self) -> None:
        self._heard("COMMIT", self._connection.commit)

    def rollback(self) -> None:
        self._heard("ROLLBACK", self._connection.rollback)

    def close(self) -> None:
        self._connection.rollback()


class MemoryTables:
    """As much of TableChecks as writers use."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server

    def require_innodb(self, *tables: str, if_there: str = "") -> bool:
        sees = bool(if_there) and self._server.has_dead_letters
        for table in [*tables, *([if_there] if sees else [])]:
            if table in self._server.not_innodb:
                raise SetupError(f"table {table} has no transactions")
        return sees

    def require_takes_rows(self, table: Table) -> None:
        self._server.said.append(f"require_takes_rows {table.name}")

    def columns_mark(self, table: str) -> str:
        assert table
        return self._server.mark

    def require_key(self, table: str, key: Sequence[str]) -> None:
        self._server.said.append(f"require_key {table} {key}")


class MemoryLoads:
    """As much of LoadChecks as writers use."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server

    def takes_load(self, table: str) -> bool:
        assert table
        return self._server.takes_load


class MemorySession:
    """As much of a DatabaseSession as writers use."""

    is_mariadb = False
    max_packet = 1 << 16

    def __init__(self, server: MemoryServer, number: int) -> None:
        self._server = server
        self.id = number
        self.one_trip_is_safe = server.one_trip_is_safe
        self.server = server.uuid
        self.connection = MemoryConnection(server)
        self.tables = MemoryTables(server)
        self.loads = MemoryLoads(server)
        self.one_trip = MemoryOneTrip(self)

    def execute(self, statement: bytes) -> int:
        try:
            return int(self.connection.exec_driver_sql(statement).rowcount)
        except pymysql.err.Error as error:
            raise trouble_of(error) from error

    def load(self, table: str, columns: str, content: bytes) -> tuple[int, int]:
        """As LOAD DATA LOCAL does: what INSERT refuses is skipped, with a warning."""
        lines = [line.split("\t") for line in content.decode().splitlines()]
        try:
            self.connection.hear(f"LOAD DATA INTO {table}")
            taken = [self._taken(f"INSERT INTO {table} {columns} VALUES ({','.join(line)})") for line in lines]
        except pymysql.err.Error as error:
            raise trouble_of(error) from error
        return sum(taken), len(taken) - sum(taken)

    def _taken(self, statement: str) -> bool:
        try:
            self.connection.exec_driver_sql(statement)
        except pymysql.err.IntegrityError:
            return False
        return True

    def require_writable(self) -> None:
        self.connection.rollback()
        if self._server.read_only:
            raise DatabaseTrouble(READ_ONLY)

    def query(self, statement: bytes) -> list[Sequence[Any]]:
        return [tuple(row) for row in self.connection.exec_driver_sql(statement)]

    def commit(self) -> None:
        if not self.connection.in_transaction():
            raise DatabaseTrouble(CONNECTION_LOST)
        try:
            self.connection.commit()
        except pymysql.err.Error as error:
            raise trouble_of(error) from error

    def close(self) -> None:
        self._server.said.append("CLOSE")
        self.connection.close()


class MemoryOneTrip:
    """As much of OneTrip as writers use."""

    def __init__(self, session: MemorySession) -> None:
        self._session = session

    def is_safe(self) -> bool:
        return self._session.one_trip_is_safe

    def commit(self, update: bytes, *others: bytes, done: Callable[[int], None]) -> bool:
        """Not one trip here, but the same outcome."""
        done(1)
        try:
            written = self._session.execute(update) == 1 and all(map(self._done, others))
        except DatabaseTrouble as trouble:
            trouble.at_commit = trouble.action is Action.LOST
            if trouble.at_commit:
                raise
            written = False
        if not written:
            self._session.connection.rollback()
            return False
        try:
            self._session.commit()
        except DatabaseTrouble as trouble:
            trouble.at_commit = True
            raise
        return True

    def _done(self, statement: bytes) -> bool:
        self._session.execute(statement)
        return True
