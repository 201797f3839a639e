"""A MySQL server inside the test: what SQLAlchemy gets instead of PyMySQL's connection.

It knows tables as DDL of rtpipe makes and changes them, locks by name, and the history of changes, and fails at any
statement with any error number. Everything above the driver is the real thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymysql
import pytest

from rtpipe.mysql import engine

_COLUMN = re.compile(r"`((?:[^`]|``)+)` ([A-Z]+(?:\([^)]*\))?(?: UNSIGNED)?)(.*)", re.DOTALL | re.IGNORECASE)
_CLAUSE = re.compile(r", (?=ADD COLUMN|MODIFY COLUMN|RENAME COLUMN|DROP COLUMN|ALGORITHM|LOCK)")
_TEXT = ("char", "text", "enum")
_WRITTEN = {"integer": "int", "bool": "tinyint(1)"}
OUR_COLLATION = "utf8mb4_bin"
Row = tuple[Any, ...]


@dataclass
class ServerColumn:
    """A column as information_schema shows it."""

    type: str
    nullable: bool = True
    charset: str | None = None
    collation: str | None = None
    default: str | None = None
    comment: str = ""

    def row(self, name: str) -> Row:
        null = "YES" if self.nullable else "NO"
        return (name, self.type, null, self.charset, self.collation, self.default, "", self.comment)

    @property
    def definition(self) -> str:
        collated = f" CHARACTER SET {self.charset} COLLATE {self.collation}" if self.charset else ""
        return f"{self.type}{collated}{'' if self.nullable else ' NOT NULL'}"


@dataclass
class ServerTable:
    """A table, its key by column names."""

    columns: dict[str, ServerColumn]
    key: tuple[str, ...] = ()
    engine: str = "InnoDB"
    kind: str = "BASE TABLE"
    collation: str = OUR_COLLATION


@dataclass
class Fault:
    """Fails the next `times` statements in which `pattern` is found; `ends`: no later one of the session goes through.

    `done`: the server does it, only its answer is lost. `result`: this row is the answer, and no error.
    """

    pattern: str
    number: int = 2013
    sqlstate: str = "HY000"
    times: int = 1
    ends: bool = False
    done: bool = False
    result: Row | None = None
    said: str = "forged"
    hits: int = 0


@dataclass
class ScriptedServer:
    """What clients find, and what they sent. All of it may be changed by a test at any moment."""

    version: str = "8.0.36"
    databases: set[str] = field(default_factory=lambda: {"bank"})
    tables: dict[str, ServerTable] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=lambda: {"app": "%", "infra": "%", "root": "%"})
    privileges: dict[str, set[str]] = field(default_factory=dict)  #: user -> of the whole database
    demands_primary_key: bool = False
    lock_is_free: bool = True
    locks: set[str] = field(default_factory=set)
    open: int = 0  #: connections

    def fail(self, pattern: str, number: int = 2013, **more: Any) -> Fault:
        """Arm a fault."""
        fault = Fault(pattern, number, **more)
        self.faults.append(fault)
        return fault

    def table(self, name: str, *, key: tuple[str, ...] = (), **columns: str) -> ServerTable:
        """Make one; `columns` are types, NOT NULL behind them if they are so."""
        self.tables[name] = ServerTable({column: _column(text) for column, text in columns.items()}, key)
        return self.tables[name]

    def sent(self, pattern: str) -> list[str]:
        """The statements in which the pattern is found."""
        return [sql for sql in self.statements if re.search(pattern, sql)]

    def open_entries(self) -> list[dict[str, Any]]:
        """Those of the history that no session has closed."""
        return [entry for entry in self.history if entry["outcome"] is None]


class _Connection:
    """As much of pymysql.Connection as SQLAlchemy's dialect uses."""

    def __init__(self, server: ScriptedServer, user: str) -> None:
        self.server = server
        self.user = user
        self._over = False
        self._locks = set[str]()
        self._closed = False
        self.run("CONNECT", ())
        if user not in server.users:
            raise error(1045, "28000", f"Access denied for user '{user}'")
        server.open += 1

    def run(self, sql: str, arguments: Sequence[Any]) -> tuple[list[Row], int]:
        """Rows and the id of a row that was inserted."""
        server = self.server
        server.statements.append(sql)
        if self._over:
            raise error(2006, "HY000", "MySQL server has gone away")
        for fault in server.faults:
            if fault.times > 0 and re.search(fault.pattern, sql):
                fault.times -= 1
                fault.hits += 1
                if fault.done:
                    answer(self, sql, arguments)
                self._over = fault.ends
                if fault.ends:
                    self._free()
                if fault.result is not None:
                    return [fault.result], 0
                raise error(fault.number, fault.sqlstate, fault.said)
        return answer(self, sql, arguments)

    def take(self, lock: str) -> bool:
        if not self.server.lock_is_free or (lock in self.server.locks and lock not in self._locks):
            return False
        self.server.locks.add(lock)
        self._locks.add(lock)
        return True

    def release(self, lock: str) -> None:
        self.server.locks.discard(lock)
        self._locks.discard(lock)

    def _free(self) -> None:
        self.server.locks -= self._locks
        self._locks.clear()

    def cursor(self, *_: object) -> _Cursor:
        return _Cursor(self)

    def commit(self) -> None:
        self.run("COMMIT", ())

    def rollback(self) -> None:
        self.run("ROLLBACK", ())

    def autocommit(self, _: bool) -> None:
        self.run("SET AUTOCOMMIT", ())

    def character_set_name(self) -> str:
        return "utf8mb4"

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._free()
            self.server.open -= 1


class _Cursor:
    rowcount = 1

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: list[Row] = []
        self.lastrowid = 0
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, sql: str, arguments: Any = None) -> None:
        values = list(arguments.values()) if isinstance(arguments, dict) else list(arguments or ())
        self._rows, self.lastrowid = self._connection.run(sql, values)
        width = len(self._rows[0]) if self._rows else 1
        reads = re.match(r"\s*(SELECT|SHOW|EXPLAIN)", sql)
        self.description = [(f"c{at}", None, None, None, None, None, None) for at in range(width)] if reads else None

    def fetchone(self) -> Row | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Row]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def fetchall(self) -> list[Row]:
        rows, self._rows = self._rows, []
        return rows

    def close(self) -> None: ...


def error(number: int, sqlstate: str, said: str) -> pymysql.err.MySQLError:
    """As PyMySQL raises it."""
    usual = pymysql.err.InternalError if number < 1000 else pymysql.err.OperationalError
    made: pymysql.err.MySQLError = pymysql.err.error_map.get(number, usual)(number, said)
    made.sqlstate = sqlstate  # type: ignore[attr-defined]
    return made


def answer(connection: _Connection, sql: str, arguments: Sequence[Any]) -> tuple[list[Row], int]:
    """What the server does and says."""
    for pattern, handle in _HANDLERS:
        if found := re.match(pattern, sql, re.DOTALL):
            return handle(connection, found, arguments)
    raise AssertionError(f"the scripted server does not know: {sql}")


Handler = Callable[[_Connection, "re.Match[str]", Sequence[Any]], tuple[list[Row], int]]


def _nothing(*_: object) -> tuple[list[Row], int]:
    return [], 0


def _table_facts(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    table = connection.server.tables.get(arguments[1])
    return ([(table.kind, table.engine, 7, table.collation, 1)] if table else []), 0


def _columns(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    table = connection.server.tables[arguments[1]]
    return [column.row(name) for name, column in table.columns.items()], 0


def _unique(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [("PRIMARY", name, None) for name in connection.server.tables[arguments[1]].key], 0


def _show_create(connection: _Connection, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    name = found[1]
    lines = [f"  `{one}` {column.definition}" for one, column in connection.server.tables[name].columns.items()]
    return [(name, f"CREATE TABLE `{name}` (\n" + ",\n".join(lines) + "\n) ENGINE=InnoDB")], 0


def _get_lock(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [(1 if connection.take(str(arguments[0])) else 0,)], 0


def _release_lock(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    connection.release(str(arguments[0]))
    return [(1,)], 0


def _require_history(connection: _Connection) -> None:
    if "rtpipe_table_changes" not in connection.server.tables:
        raise error(1146, "42S02", "Table 'bank.rtpipe_table_changes' doesn't exist")


def _count_open(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    _require_history(connection)
    return [(len([one for one in connection.server.open_entries() if one["table"] == arguments[0]]),)], 0


def _insert_entry(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    _require_history(connection)
    table, topic, schema_id, statement = arguments
    entry = {"table": table, "topic": topic, "schema_id": schema_id, "statement": statement, "outcome": None}
    connection.server.history.append(entry)
    return [], len(connection.server.history)


def _close_entries(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    _require_history(connection)
    for entry in connection.server.open_entries():
        if entry["table"] == arguments[1]:
            entry["outcome"] = arguments[0]
    return [], 0


def _finish_entry(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    connection.server.history[arguments[1] - 1]["outcome"] = arguments[0]
    return [], 0


def _alter(connection: _Connection, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    columns = connection.server.tables[found[1]].columns
    for clause in _CLAUSE.split(found[2]):
        verb, _column_word, rest = clause.partition(" COLUMN ")
        if verb in {"ADD", "MODIFY"}:
            name, column = _parsed(rest)
            if (verb == "ADD") is (name in columns):
                number = 1060 if verb == "ADD" else 1054
                raise error(number, "42S22", f"column '{name}'")
            columns[name] = column
        elif verb == "RENAME":
            old, new = re.findall(r"`([^`]+)`", rest)
            renamed = {new if name == old else name: column for name, column in columns.items()}
            columns.clear()
            columns |= renamed
        elif verb == "DROP":
            del columns[rest.strip("`")]
    return [], 0


def _create(connection: _Connection, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    name, inside = found[1], found[2]
    lines = inside.split(",\n  ")
    keys = [line for line in lines if line.startswith("PRIMARY KEY")]
    parsed = dict(_parsed(line) for line in lines if line not in keys)
    key = tuple(re.findall(r"`([^`]+)`", keys[0])) if keys else ()
    connection.server.tables.setdefault(name, ServerTable(parsed, key))
    return [], 0


def _current_user(connection: _Connection, *_: object) -> tuple[list[Row], int]:
    return [(f"{connection.user}@{connection.server.users[connection.user]}",)], 0


def _demands(connection: _Connection, *_: object) -> tuple[list[Row], int]:
    return ([("sql_require_primary_key", "ON")] if connection.server.demands_primary_key else []), 0


def _databases(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [(int(arguments[0] in connection.server.databases),)], 0


def _create_database(connection: _Connection, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    connection.server.databases.add(found[1])
    return [], 0


def _create_user(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    connection.server.users[arguments[0]] = "%"
    return [], 0


def _count_users(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [(int(arguments[0] in connection.server.users),)], 0


def _grant(connection: _Connection, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    connection.server.privileges.setdefault(found[3], set()).update(found[1].split(", "))
    return [], 0


def _held(connection: _Connection, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    user = str(arguments[0]).split("'")[1]
    return [(name,) for name in sorted(connection.server.privileges.get(user, ()))], 0


def _one(value: Any) -> Handler:
    return lambda *_: ([(value,)], 0)


def _version(connection: _Connection, *_: object) -> tuple[list[Row], int]:
    return [(connection.server.version,)], 0


_HISTORY = "`bank`.`rtpipe_table_changes`"
_HANDLERS: list[tuple[str, Handler]] = [
    (r"CONNECT|SET |COMMIT|ROLLBACK|EXPLAIN ", _nothing),
    (r"SELECT VERSION\(\)", _version),
    (r"SELECT @@transaction_isolation|SELECT @@tx_isolation", _one("REPEATABLE-READ")),
    (r"SELECT DATABASE\(\)", _one(None)),
    (r"SELECT @@sql_mode", _one("")),
    (r"SELECT @@lower_case_table_names", _one(0)),
    (r"SELECT CAST|SELECT 'test", _one("x")),
    (r"SHOW VARIABLES LIKE 'sql_mode'", lambda *_: ([("sql_mode", "")], 0)),
    (r"SHOW VARIABLES LIKE 'lower_case_table_names'", lambda *_: ([("lower_case_table_names", "0")], 0)),
    (r"SHOW VARIABLES WHERE", _demands),
    (r"\s*SELECT TABLE_TYPE", _table_facts),
    (r"\s*SELECT COLUMN_NAME, COLUMN_TYPE", _columns),
    (r"\s*SELECT INDEX_NAME, COLUMN_NAME, SUB_PART", _unique),
    (r"SELECT JSON_VALID", _one(1)),
    (r"SHOW CREATE TABLE `bank`\.`([^`]+)`", _show_create),
    (r"SELECT GET_LOCK", _get_lock),
    (r"SELECT RELEASE_LOCK", _release_lock),
    (rf"SELECT COUNT\(\*\) FROM {_HISTORY}", _count_open),
    (rf"INSERT INTO {_HISTORY}", _insert_entry),
    (rf"UPDATE {_HISTORY}.*WHERE table_name", _close_entries),
    (rf"UPDATE {_HISTORY}.*WHERE id", _finish_entry),
    (r"ALTER TABLE `bank`\.`([^`]+)` (.*)", _alter),
    (r"CREATE TABLE IF NOT EXISTS `bank`\.`([^`]+)` \(\n  (.*)\n\) ENGINE", _create),
    (r"SELECT CURRENT_USER", _current_user),
    (r"SELECT COUNT\(\*\) FROM information_schema.SCHEMATA", _databases),
    (r"SELECT COUNT\(\*\) FROM mysql.user", _count_users),
    (r"\s*SELECT PRIVILEGE_TYPE", _held),
    (r"CREATE DATABASE IF NOT EXISTS `([^`]+)`", _create_database),
    (r"CREATE USER", _create_user),
    (r"GRANT (.*) ON (.*) TO '([^']+)'", _grant),
    (r"SELECT 1 FROM", _nothing),
]


def _column(text: str) -> ServerColumn:
    return _parsed(f"`x` {text}")[1]


def _parsed(text: str) -> tuple[str, ServerColumn]:
    """Name and column of a definition."""
    found = _COLUMN.match(text)
    assert found is not None, text
    written = found[2].lower().replace(", ", ",")
    kind, rest = _WRITTEN.get(written, written), found[3]
    charset = re.search(r"CHARACTER SET (\w+)", rest)
    collation = re.search(r"COLLATE (\w+)", rest)
    default = re.search(r"DEFAULT '?([^' ]+)", rest)
    comment = re.search(r"COMMENT '((?:[^']|'')*)'", rest)
    is_text = any(word in kind for word in _TEXT)
    return found[1], ServerColumn(
        kind,
        "NOT NULL" not in rest,
        charset[1] if charset else "utf8mb4" if is_text else None,
        collation[1] if collation else OUR_COLLATION if is_text else None,
        default[1] if default else None,
        comment[1] if comment else "",
    )


def scripted(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer | None = None) -> ScriptedServer:
    """Whoever connects to a database in this test gets this server."""
    made = server or ScriptedServer()

    def connect(_url: Any, options: dict[str, Any], _tls: Any) -> Any:
        connection = _Connection(made, str(options.get("user", "")))
        if options.get("init_command"):
            try:
                connection.run(options["init_command"], ())
            except pymysql.err.MySQLError:
                connection.close()
                raise
        return connection

    monkeypatch.setattr(engine, "_connect", connect)
    return made
