"""The history's file as its one writer has it: events and minute figures of the last days, bounded in size.

Its loss harms nothing. Everybody else reads it by `history_reader`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from supervisor.control.event_ring import Event
from supervisor.history.minute_figures import MinuteFigures

#: Days that are kept, and bytes of the file at most.
KEPT_DAYS, _MOST_BYTES = 7, 128 << 20
_PAGE = 4096
#: Of the entries, the share that goes when the file is full.
_SHARE = 10
#: Seconds that another supervisor of this machine may hold the file.
_PATIENCE = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS events (
  run TEXT, number INTEGER, at TEXT, level TEXT, event TEXT, topic TEXT, partition INTEGER, text TEXT, more TEXT,
  PRIMARY KEY (run, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_at ON events (at);
CREATE TABLE IF NOT EXISTS minutes (
  at TEXT, topic TEXT, partition INTEGER, rows INTEGER, dead INTEGER, lag INTEGER, lag_seconds REAL,
  state TEXT, condition TEXT, busy REAL,
  PRIMARY KEY (at, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS watched (at TEXT, topic TEXT, PRIMARY KEY (at, topic)) WITHOUT ROWID;
"""
#: All of them have the moment of an entry in the column `at`.
_KEPT = ("events", "minutes", "watched")


class HistoryFile:
    """One connection. Every method raises sqlite3.Error, such as for a full disk."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it; one that is no such file is put aside."""
        self._path = path
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError as exc:
            if isinstance(exc, sqlite3.OperationalError):  # locked, or no room: it may be good
                raise
            path.replace(path.with_suffix(".broken"))
            self._connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)
        try:
            connection.executescript(
                f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA max_page_count = {_MOST_BYTES // _PAGE};"
            )
            connection.executescript(_TABLES)
        except BaseException:
            connection.close()
            raise
        return connection

    def add_events(self, run: str, events: Iterable[Event]) -> None:
        """Events of one run of a supervisor; those that are there already are the same."""
        rows = [
            (run, one.number, one.at, one.level, one.event, *_place(one), one.text, json.dumps(dict(one.more)))
            for one in events
        ]
        self._insert(f"INSERT OR IGNORE INTO events VALUES ({', '.join('?' * 9)})", rows)

    def add_minutes(self, at: str, topics: Iterable[str], minutes: Iterable[MinuteFigures]) -> None:
        """The figures of the minute that ended `at`. Of `topics` those without figures were at rest."""
        rows = [
            (
                *(one.at, one.topic, one.partition, one.rows, one.dead, one.lag, one.lag_seconds),
                *(one.state, one.condition, one.busy),
            )
            for one in minutes
        ]
        self._insert(f"INSERT OR REPLACE INTO minutes VALUES ({', '.join('?' * 10)})", rows)
        self._insert("INSERT OR IGNORE INTO watched VALUES (?, ?)", [(at, topic) for topic in topics])

    def _insert(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            self._run(statement, rows)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            self._forget_a_share()
            self._run(statement, rows)

    def _run(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._transaction():
            self._connection.executemany(statement, rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite has rolled it back by itself
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _forget_a_share(self) -> None:
        """Room for what is new: the oldest entries go."""
        for table in _KEPT:
            [count] = self._connection.execute(f"SELECT COUNT(*) / {_SHARE} FROM {table}").fetchone()
            found = self._connection.execute(f"SELECT at FROM {table} ORDER BY at LIMIT 1 OFFSET ?", (count,))
            if row := found.fetchone():
                self._connection.execute(f"DELETE FROM {table} WHERE at < ?", row)

    def forget_before(self, at: str) -> None:
        """Delete what is older."""
        for table in _KEPT:
            self._connection.execute(f"DELETE FROM {table} WHERE at < ?", (at,))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _place(event: Event) -> tuple[str, int]:
    topic, _, number = event.partition.rpartition("/")
    return (topic, int(number)) if topic and number.isdecimal() else (str(event.more.get("topic", "")), -1)
