"""What a person asks of the history: events and minutes of a span, read while a supervisor may write."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtpipe.errors import UnreachableError
from supervisor.control.event_ring import Event
from supervisor.history.history_reader import HistoryReader, Span
from supervisor.history.minute_figures import MinuteFigures


@dataclass(frozen=True, slots=True)
class LookBack:
    """Both in the order of time."""

    events: Sequence[Event]
    minutes: Sequence[MinuteFigures]


def look_back(file: Path, span: Span) -> LookBack:
    """UnreachableError if there is no history, or it cannot be read."""
    if not file.exists():
        raise UnreachableError(
            f"no history: {file} is not there",
            hint="a supervisor writes it, unless history = false; another one's is in its own RTPIPE_STATE_DIR",
        )
    try:
        history = HistoryReader(file)
        try:
            return LookBack(history.events(span), history.minutes(span))
        finally:
            history.close()
    except (sqlite3.Error, OSError) as exc:
        raise UnreachableError(f"the history in {file} cannot be read: {exc}") from exc
