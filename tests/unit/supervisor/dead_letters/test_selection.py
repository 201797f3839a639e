"""Which dead letters a command means."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy.dialects import mysql

from rtpipe.errors import SettingsError
from supervisor.dead_letters.selection import selection


def sql(*given: Any, **named: Any) -> str:
    where = selection(*given, **named).where()
    options = {"literal_binds": True}
    return str(where.compile(dialect=mysql.dialect(), compile_kwargs=options)).replace("rtpipe_dead_letters.", "")


def test_nothing_given_is_every_dead_letter_that_is_not_dropped() -> None:
    assert sql() == "`dropped_at` IS NULL"
    assert sql(dropped=True) == "`dropped_at` IS NOT NULL"
    assert not selection().narrow


def test_what_is_given_is_all_asked_for() -> None:
    text = sql(["orders,other/2"], ["E_VALUE", "E_DECODE"], ["5", "10-20,30"], "2026-05-01T10:30+02:00")
    assert "(`topic` = 'orders' OR `topic` = 'other' AND `partition` = 2)" in text
    assert "`error_name` IN ('E_VALUE', 'E_DECODE')" in text
    for part in ("`offset` BETWEEN 5 AND 5", "`offset` BETWEEN 10 AND 20", "`offset` BETWEEN 30 AND 30"):
        assert part in text
    assert "`written_at` >= '2026-05-01 08:30:00'" in text
    assert selection(["orders"]).narrow


@pytest.mark.parametrize(("text", "ago"), [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800)])
def test_since_some_time_ago(text: str, ago: int) -> None:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    since = selection(since=text).since
    assert since is not None
    assert dt.timedelta(0) <= since - now + dt.timedelta(seconds=ago) < dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"topics": ["a/b"]}, "TOPIC/PARTITION"),
        ({"topics": ["a'b"]}, "TOPIC/PARTITION"),
        ({"topics": ["a/"]}, "TOPIC/PARTITION"),
        ({"errors": ["value"]}, "no name of an error"),
        ({"topics": ["a"], "offsets": ["x"]}, "no offset"),
        ({"topics": ["a"], "offsets": ["9-3"]}, "no offset"),
        ({"topics": ["a"], "offsets": ["9" * 30]}, "no offset"),
        ({"offsets": ["9"]}, "without a topic"),
        ({"since": "yesterday"}, "no duration"),
        ({"since": "999999999d"}, "no duration"),
    ],
)
def test_what_no_selection_can_mean(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        selection(**given)
    assert refused.value.hint
