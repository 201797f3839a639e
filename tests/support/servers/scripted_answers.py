"""What a scripted server does and says for each statement that rtpipe sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pymysql

from tests.support.servers.scripted_server import ServerSession
from tests.support.servers.scripted_tables import Row, ServerTable, defined_column

_CLAUSE = re.compile(r", (?=ADD COLUMN|MODIFY COLUMN|RENAME COLUMN|DROP COLUMN|ALGORITHM|LOCK)")


def driver_error(number: int, sqlstate: str, said: str) -> pymysql.err.MySQLError:
    """As PyMySQL raises it."""
    usual = pymysql.err.InternalError if number < 1000 else pymysql.err.OperationalError
    made: pymysql.err.MySQLError = pymysql.err.error_map.get(number, usual)(number, said)
    made.sqlstate = sqlstate  # type: ignore[attr-defined]
    return made


def answer(session: ServerSession, sql: str, arguments: Sequence[Any]) -> tuple[list[Row], int]:
    """What the server does and says."""
    for pattern, handle in _HANDLERS:
        if found := re.match(pattern, sql, re.DOTALL):
            return handle(session, found, arguments)
    raise AssertionError(f"the scripted server does not know: {sql}")


Handler = Callable[[ServerSession, "re.Match[str]", Sequence[Any]], tuple[list[Row], int]]


def _nothing(*_: object) -> tuple[list[Row], int]:
    return [], 0


def _table_facts(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    table = session.server.tables.get(arguments[1])
    return ([(table.kind, table.engine, 7, table.collation, 1)] if table else []), 0


def _columns(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    table = session.server.tables[arguments[1]]
    return [column.row(name) for name, column in table.columns.items()], 0


def _unique(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [("PRIMARY", name, None) for name in session.server.tables[arguments[1]].key], 0


def _show_create(session: ServerSession, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    name = found[1]
    lines = [f"  `{one}` {column.definition}" for one, column in session.server.tables[name].columns.items()]
    return [(name, f"CREATE TABLE `{name}` (\n" + ",\n".join(lines) + "\n) ENGINE=InnoDB")], 0


def _get_lock(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [(1 if session.take(str(arguments[0])) else 0,)], 0


def _release_lock(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    session.release(str(arguments[0]))
    return [(1,)], 0


def _require_history(session: ServerSession) -> None:
    if "rtpipe_table_changes" not in session.server.tables:
        raise driver_error(1146, "42S02", "Table 'bank.rtpipe_table_changes' doesn't exist")


def _count_open(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    _require_history(session)
    return [(len([one for one in session.server.open_entries() if one["table"] == arguments[0]]),)], 0


def _insert_entry(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    _require_history(session)
    table, topic, schema_id, statement = arguments
    entry = {"table": table, "topic": topic, "schema_id": schema_id, "statement": statement, "outcome": None}
    session.server.history.append(entry)
    return [], len(session.server.history)


def _close_entries(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    _require_history(session)
    for entry in session.server.open_entries():
        if entry["table"] == arguments[1]:
            entry["outcome"] = arguments[0]
    return [], 0


def _finish_entry(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    session.server.history[arguments[1] - 1]["outcome"] = arguments[0]
    return [], 0


def _alter(session: ServerSession, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    columns = session.server.tables[found[1]].columns
    for clause in _CLAUSE.split(found[2]):
        verb, _column_word, rest = clause.partition(" COLUMN ")
        if verb in {"ADD", "MODIFY"}:
            name, column = defined_column(rest)
            if (verb == "ADD") is (name in columns):
                number = 1060 if verb == "ADD" else 1054
                raise driver_error(number, "42S22", f"column '{name}'")
            columns[name] = column
        elif verb == "RENAME":
            old, new = re.findall(r"`([^`]+)`", rest)
            renamed = {new if name == old else name: column for name, column in columns.items()}
            columns.clear()
            columns |= renamed
        elif verb == "DROP":
            del columns[rest.strip("`")]
    return [], 0


def _create(session: ServerSession, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    name, inside = found[1], found[2]
    lines = inside.split(",\n  ")
    primary = next((line for line in lines if line.startswith("PRIMARY KEY")), "")
    parsed = dict(defined_column(line) for line in lines if line != primary and not line.startswith("KEY "))
    key = tuple(re.findall(r"`([^`]+)`", primary))
    session.server.tables.setdefault(name, ServerTable(parsed, key))
    return [], 0


def _current_user(session: ServerSession, *_: object) -> tuple[list[Row], int]:
    return [(f"{session.user}@{session.server.users[session.user]}",)], 0


def _demands(session: ServerSession, *_: object) -> tuple[list[Row], int]:
    return ([("sql_require_primary_key", "ON")] if session.server.demands_primary_key else []), 0


def _databases(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [(int(arguments[0] in session.server.databases),)], 0


def _create_database(session: ServerSession, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    session.server.databases.add(found[1])
    return [], 0


def _create_user(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    session.server.users[arguments[0]] = "%"
    return [], 0


def _count_users(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    return [(int(arguments[0] in session.server.users),)], 0


def _grant(session: ServerSession, found: re.Match[str], _: Sequence[Any]) -> tuple[list[Row], int]:
    session.server.privileges.setdefault(found[3], set()).update(found[1].split(", "))
    return [], 0


def _held(session: ServerSession, _: re.Match[str], arguments: Sequence[Any]) -> tuple[list[Row], int]:
    user = str(arguments[0]).split("'")[1]
    return [(name,) for name in sorted(session.server.privileges.get(user, ()))], 0


def _one(value: Any) -> Handler:
    return lambda *_: ([(value,)], 0)


def _version(session: ServerSession, *_: object) -> tuple[list[Row], int]:
    return [(session.server.version,)], 0


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
