"""What was seen of topics' schemas and done to their tables since the supervisor started; read by its status.

The threads that answer writers write it, the loop reads it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from rtpipe.clock import timestamp

#: Changes of a table that are kept.
_KEPT = 20


@dataclass(frozen=True, slots=True)
class TableChange:
    """What was done to a topic's table for a schema, or must be done by somebody."""

    at: str  #: RFC 3339, UTC
    schema_id: int | None
    done: bool
    sql: str  #: "" where `why_not` has it
    why_not: str = ""


class TopicFacts:
    """Of all topics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[str, set[int]] = {}
        self._changes: dict[str, deque[TableChange]] = {}

    def met(self, topic: str, schema_id: int) -> None:
        """A writer asked for it, and it is known."""
        with self._lock:
            self._ids.setdefault(topic, set()).add(schema_id)

    def changed(self, topic: str, schema_id: int | None, sql: str, *, done: bool = True, why_not: str = "") -> None:
        """A table was altered, or somebody must do it: told once, however often it is tried."""
        with self._lock:
            known = self._changes.setdefault(topic, deque(maxlen=_KEPT))
            if known and not done and (known[0].sql, known[0].why_not) == (sql, why_not):
                known.popleft()
            known.appendleft(TableChange(timestamp(time.time()), schema_id, done, sql, why_not))

    def forget(self, topic: str) -> None:
        """It is served no more."""
        with self._lock:
            self._ids.pop(topic, None)
            self._changes.pop(topic, None)

    def ids(self, topic: str) -> tuple[int, ...]:
        """Schema ids of its values, in order."""
        with self._lock:
            return tuple(sorted(self._ids.get(topic, ())))

    def changes(self, topic: str) -> tuple[TableChange, ...]:
        """The newest first."""
        with self._lock:
            return tuple(self._changes.get(topic, ()))
