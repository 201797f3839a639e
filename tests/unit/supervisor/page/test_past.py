"""Hours of history for charts: what is at rest is 0, what nobody watched is a gap, and one look a minute."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rtpipe.clock import timestamp
from supervisor.history.history_file import HistoryFile
from supervisor.history.minute_figures import MinuteFigures, MinuteSum
from supervisor.page.past import Past, points_of, width_of

NOW = 1_800_000_000.0


def minute(number: int, rows: int = 60, lag: int | None = 5) -> MinuteSum:
    return MinuteSum(timestamp(NOW + 60 * number), rows, lag, 2.0)


def test_a_curve_has_no_more_points_than_can_be_seen() -> None:
    assert [width_of(hours * 3_600) for hours in (1, 6, 24, 168)] == [60, 120, 360, 2_520]


def test_minutes_become_points_with_a_gap_where_nobody_watched() -> None:
    found = points_of([minute(0), minute(1, rows=120, lag=7), minute(5, lag=None)], 60)
    assert [(one.at - NOW, one.rows_per_second, one.lag) for one in found] == [
        (0, 1.0, 5),
        (60, 2.0, 7),
        (120, None, None),
        (300, 1.0, None),
    ]


def test_a_point_of_several_minutes_has_their_mean_rate_and_the_highest_lag() -> None:
    [one] = points_of([minute(1), minute(2, rows=180, lag=9)], 120)
    assert (one.at - NOW, one.rows_per_second, one.lag, one.lag_seconds) == (120, 2.0, 9, 2.0)


def test_a_file_is_read_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [NOW + 30]
    monkeypatch.setattr("supervisor.page.past.time.time", lambda: now[0])
    file = HistoryFile(tmp_path / "history.db")
    past = Past(str(tmp_path / "history.db"))

    def note(number: int) -> None:
        at = timestamp(NOW + 60 * number)
        file.add_minutes(at, ["orders"], [MinuteFigures(at, "orders", 0, 60, 0, 0, None, "running", "ok", None)])

    note(0)
    assert len(asyncio.run(past.look(3_600)).points) == 1
    note(-1)
    assert len(asyncio.run(past.look(3_600)).points) == 1
    now[0] += 61
    assert len(asyncio.run(past.look(3_600)).points) == 2
    assert [one.rows_per_second for one in asyncio.run(past.look(3_600, "orders", 0)).points] == [1.0, 1.0]


def test_no_history_and_one_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    assert "history is false" in asyncio.run(Past("").look(3_600)).trouble
    told = asyncio.run(Past(str(tmp_path / "none.db")).look(3_600)).trouble
    assert told.startswith("The history cannot be read: unable to open")
    assert not list(tmp_path.iterdir())
