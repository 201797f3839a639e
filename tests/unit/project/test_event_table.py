"""What the check of each test's log lines notices."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.support.event_table import documented_events, problem_of


def record(level: int, name: str = "rtpipe.supervisor", **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": name, "levelno": level, "levelname": logging.getLevelName(level)})
    vars(made).update(extra)
    return made


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (record(logging.INFO), ""),
        (record(logging.INFO, event="worker_claimed", partition="orders/0"), ""),
        (record(logging.INFO, "somebody.else", event="nobody_knows"), ""),
        (record(logging.INFO, event="nobody_knows"), "not in the table"),
        (record(logging.ERROR, event="worker_claimed"), "has level error, and the table says info"),
        (record(logging.WARNING, event="worker_died", died_pid=7), ""),
        (record(logging.WARNING, event="worker_died", color="red"), "has color, which its row does not name"),
    ],
)
def test_what_is_not_as_the_table_says_is_noticed(made: logging.LogRecord, problem: str) -> None:
    found = problem_of(made)
    assert problem in found
    assert bool(found) is bool(problem)


def test_events_of_one_row_have_their_levels_in_order() -> None:
    events = documented_events()
    assert [set(events[name].levels) for name in ("outage_began", "outage_ended")] == [{"warning"}, {"info"}]
    assert events["worker_left"].levels == {"warning", "error"}
    assert events["backpressure_resolved"].levels == {"warning"}
