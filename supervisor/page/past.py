"""Hours and days of history for the page: read from the history's file, in a thread, at most once a minute."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from rtpipe.clock import timestamp
from supervisor.control.event_ring import Event
from supervisor.history.history_reader import HistoryReader, Span
from supervisor.history.minute_figures import MinuteSum
from supervisor.page.recent import Point

#: Seconds of a minute, points of a curve, events of a look, looks that are remembered.
_MINUTE, _POINTS, _EVENTS, _KEPT = 60.0, 240, 500, 64


@dataclass(frozen=True, slots=True)
class Look:
    """What was found; `trouble`: why nothing was."""

    begin: float  #: seconds since 1970
    end: float
    points: Sequence[Point] = ()
    events: Sequence[Event] = ()
    trouble: str = ""


class Past:
    """Of one file; "": no history is kept."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._looks: dict[tuple[float, str | None, int | None], Look] = {}

    async def look(self, seconds: float, topic: str | None = None, partition: int | None = None) -> Look:
        """The last so many seconds of all, of a topic, or of a partition."""
        now, key = time.time(), (seconds, topic, partition)
        if (known := self._looks.get(key)) and now - known.end < _MINUTE:
            return known
        found = await asyncio.to_thread(self._read, now - seconds, now, topic, partition)
        if len(self._looks) >= _KEPT:
            self._looks.clear()
        self._looks[key] = found
        return found

    def _read(self, begin: float, end: float, topic: str | None, partition: int | None) -> Look:
        if not self._file:
            return Look(begin, end, trouble="No history is kept: the setting history is false.")
        span = Span(timestamp(begin), timestamp(end), topic, partition)
        try:
            reader = HistoryReader(Path(self._file))
            try:
                points = points_of(reader.sums(span), width_of(end - begin))
                return Look(begin, end, points, reader.events(span, _EVENTS))
            finally:
                reader.close()
        except sqlite3.Error as exc:
            return Look(begin, end, trouble=f"The history cannot be read: {exc}.")


def width_of(seconds: float) -> float:
    """Seconds of a point: whole minutes, so that a curve has no more points than can be seen."""
    return max(1, round(seconds / _MINUTE / _POINTS)) * _MINUTE


def points_of(minutes: Sequence[MinuteSum], width: float) -> list[Point]:
    """A point for each `width` seconds: mean rate, highest lag. Where nobody watched there is one that is not known."""
    found: list[Point] = []
    for number, group in groupby(minutes, lambda one: (moment(one.at) - 1) // width):
        some, at = list(group), (number + 1) * width
        if found and at - found[-1].at > width * 1.5:
            found.append(Point(found[-1].at + width, None, None, None))
        lags = [one.lag for one in some]
        lag = None if None in lags else max(lag or 0 for lag in lags)
        ages = [one.lag_seconds for one in some if one.lag_seconds is not None]
        found.append(Point(at, sum(one.rows for one in some) / (len(some) * _MINUTE), lag, max(ages, default=None)))
    return found


def moment(at: str) -> float:
    """Seconds since 1970 of RFC 3339; 0 of anything else."""
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return 0.0
