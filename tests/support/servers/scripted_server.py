"""A MySQL server inside the test: what it holds, who is connected, and which statements fail.

It knows tables as DDL of rtpipe makes and changes them, locks by name, and the history of changes, and fails at any
statement with any error number. Everything above the driver is the real thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.servers.scripted_tables import Row, ServerTable, column_of


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
        self.tables[name] = ServerTable({column: column_of(text) for column, text in columns.items()}, key)
        return self.tables[name]

    def sent(self, pattern: str) -> list[str]:
        """The statements in which the pattern is found."""
        return [sql for sql in self.statements if re.search(pattern, sql)]

    def open_entries(self) -> list[dict[str, Any]]:
        """Those of the history that no session has closed."""
        return [entry for entry in self.history if entry["outcome"] is None]


class ServerSession:
    """Who is connected, and the locks that are his."""

    def __init__(self, server: ScriptedServer, user: str) -> None:
        self.server = server
        self.user = user
        self._locks = set[str]()

    def take(self, lock: str) -> bool:
        if not self.server.lock_is_free or (lock in self.server.locks and lock not in self._locks):
            return False
        self.server.locks.add(lock)
        self._locks.add(lock)
        return True

    def release(self, lock: str) -> None:
        self.server.locks.discard(lock)
        self._locks.discard(lock)

    def free(self) -> None:
        """Release all its locks: the connection is over."""
        self.server.locks -= self._locks
        self._locks.clear()
