"""The history's file as those see it who look back: opened to read alone, also while a supervisor writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from supervisor.control.event_ring import Event
from supervisor.history.minute_figures import MinuteFigures, MinuteSum

#: Seconds that the writer may hold the file.
_PATIENCE = 5.0
#: More events than there can be.
_NO_LIMIT = 1 << 62
#: A minute in which a topic was watched and there is no figure is one at rest. A sum with an unknown part is unknown.
_SUMS = """
SELECT watched.at, SUM(COALESCE(rows, 0)),
  CASE WHEN SUM(state IS NOT NULL AND lag IS NULL) THEN NULL ELSE SUM(COALESCE(lag, 0)) END, MAX(lag_seconds)
FROM watched LEFT JOIN minutes ON minutes.at = watched.at AND minutes.topic = watched.topic
  AND (:partition IS NULL OR minutes.partition = :partition)
WHERE watched.at >= :since AND watched.at < :until AND (:topic IS NULL OR watched.topic = :topic)
GROUP BY watched.at ORDER BY watched.at
"""


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: moments in RFC 3339, UTC; a topic, or one partition of it."""

    since: str
    until: str
    topic: str | None = None
    partition: int | None = None


class HistoryReader:
    """One connection, which cannot change or make anything. Every method raises sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", timeout=_PATIENCE, uri=True)

    def events(self, span: Span, newest: int = _NO_LIMIT) -> list[Event]:
        """Oldest first; at most the `newest` so many."""
        where, values = _where(span)
        text = "SELECT number, at, level, event, topic, partition, text, more FROM events"
        order = "ORDER BY at DESC, run DESC, number DESC LIMIT :newest"
        rows = self._connection.execute(f"{text} WHERE {where} {order}", {**values, "newest": newest}).fetchall()
        return [
            Event(number, at, level, event, _name(topic, partition), said, json.loads(more))
            for number, at, level, event, topic, partition, said, more in reversed(rows)
        ]

    def minutes(self, span: Span) -> list[MinuteFigures]:
        """Oldest first."""
        where, values = _where(span)
        rows = self._connection.execute(f"SELECT * FROM minutes WHERE {where} ORDER BY at, topic, partition", values)
        return [MinuteFigures(*row) for row in rows]

    def sums(self, span: Span) -> list[MinuteSum]:
        """Of all that is asked for together, oldest first; a minute in which nobody watched is left out."""
        return [MinuteSum(*row) for row in self._connection.execute(_SUMS, _where(span)[1])]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


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
