"""Connections to a scripted server: what SQLAlchemy gets instead of PyMySQL's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pymysql
import pytest

from rtpipe.mysql import engine
from tests.support.servers.scripted_answers import answer, driver_error
from tests.support.servers.scripted_server import ScriptedServer, ServerSession
from tests.support.servers.scripted_tables import Row


class _Connection:
    """As much of pymysql.Connection as SQLAlchemy's dialect uses."""

    def __init__(self, server: ScriptedServer, user: str) -> None:
        self._server = server
        self._session = ServerSession(server, user)
        self._over = False
        self._closed = False
        self.run("CONNECT", ())
        if user not in server.users:
            raise driver_error(1045, "28000", f"Access denied for user '{user}'")
        server.open += 1

    def run(self, sql: str, arguments: Sequence[Any]) -> tuple[list[Row], int]:
        """Rows and the id of a row that was inserted."""
        server = self._server
        server.statements.append(sql)
        if self._over:
            raise driver_error(2006, "HY000", "MySQL server has gone away")
        for fault in server.faults:
            if fault.times > 0 and re.search(fault.pattern, sql):
                fault.times -= 1
                fault.hits += 1
                if fault.done:
                    answer(self._session, sql, arguments)
                self._over = fault.ends
                if fault.ends:
                    self._session.free()
                if fault.result is not None:
                    return [fault.result], 0
                raise driver_error(fault.number, fault.sqlstate, fault.said)
        return answer(self._session, sql, arguments)

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
            self._session.free()
            self._server.open -= 1


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
