"""The file of the history: events and minute figures of the last days, bounded in size. Its loss harms nothing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
"""


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: moments in RFC 3339, UTC; a topic, or one partition of it."""

    since: str
    until: str
    topic: str | None = None
    partition: int | None = None


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

    def add_minutes(self, minutes: Iterable[MinuteFigures]) -> None:
        """The figures of one minute."""
        rows = [
            (
                *(one.at, one.topic, one.partition, one.rows, one.dead, one.lag, one.lag_seconds),
                *(one.state, one.condition, one.busy),
            )
            for one in minutes
        ]
        self._insert(f"INSERT OR REPLACE INTO minutes VALUES ({', '.join('?' * 10)})", rows)

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
        for table in ("events", "minutes"):
            [count] = self._connection.execute(f"SELECT COUNT(*) / {_SHARE} FROM {table}").fetchone()
            found = self._connection.execute(f"SELECT at FROM {table} ORDER BY at LIMIT 1 OFFSET ?", (count,))
            if row := found.fetchone():
                self._connection.execute(f"DELETE FROM {table} WHERE at < ?", row)

    def forget_before(self, at: str) -> None:
        """Delete what is older."""
        for table in ("events", "minutes"):
            self._connection.execute(f"DELETE FROM {table} WHERE at < ?", (at,))

    def events(self, span: Span) -> list[Event]:
        """Oldest first."""
        where, values = _where(span)
        text = "SELECT number, at, level, event, topic, partition, text, more FROM events"
        rows = self._connection.execute(f"{text} WHERE {where} ORDER BY at, run, number", values)
        return [
            Event(number, at, level, event, _name(topic, partition), said, json.loads(more))
            for number, at, level, event, topic, partition, said, more in rows
        ]

    def minutes(self, span: Span) -> list[MinuteFigures]:
        """Oldest first."""
        where, values = _where(span)
        rows = self._connection.execute(f"SELECT * FROM minutes WHERE {where} ORDER BY at, topic, partition", values)
        return [MinuteFigures(*row) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _place(event: Event) -> tuple[str, int]:
    topic, _, number = event.partition.rpartition("/")
    return (topic, int(number)) if topic and number.isdecimal() else (str(event.more.get("topic", "")), -1)


def _name(topic: str, partition: int) -> str:
    return f"{topic}/{partition}" if partition >= 0 else ""


def _where(span: Span) -> tuple[str, Mapping[str, Any]]:
    """What is about everything is about each topic, too."""
    where = "at >= :since AND at < :until"
    if span.topic is not None:
        where += " AND topic IN (:topic, '')"
    if span.partition is not None:
        where += " AND partition IN (:partition, -1)"
    return where, {"since": span.since, "until": span.until, "topic": span.topic, "partition": span.partition}
