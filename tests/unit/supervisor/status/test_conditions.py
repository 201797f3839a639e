"""Conditions do not lie: what is late, stuck, held or not known is said, and nothing else is `ok`."""

from __future__ import annotations

import dataclasses
import logging
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from supervisor.status.condition_log import ConditionLog
from supervisor.status.facts.condition import Condition, Grounds, Promise, condition_of
from supervisor.status.lag_history import LagHistory
from supervisor.status.oldest_message import OldestMessage
from workers.contract.partition_spec import PartitionKey

PROMISE = Promise(late_after=60, stuck_after=120)
WELL = Grounds("running", lag=0, lag_seconds=0.0, quiet_seconds=0.0)


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({}, Condition.OK),
        ({"lag": 5, "lag_seconds": 59.0}, Condition.OK),
        ({"lag": 5, "lag_seconds": None}, Condition.OK),  # the age of five new messages is not known yet
        ({"lag": 5, "lag_seconds": 61.0}, Condition.LATE),
        ({"lag": 5, "lag_seconds": None, "quiet_seconds": 121.0}, Condition.STUCK),
        ({"lag": 0, "quiet_seconds": 999.0}, Condition.OK),
        ({"lag": None, "lag_seconds": None}, Condition.UNKNOWN),
        ({"lag": None, "lag_seconds": 61.0}, Condition.LATE),
        ({"state": "waiting", "lag": None, "lag_seconds": None}, Condition.UNKNOWN),
        ({"state": "halted"}, Condition.HELD),
        ({"state": "quarantined", "lag": 5, "lag_seconds": 999.0, "quiet_seconds": 999.0}, Condition.HELD),
        ({"state": "paused", "lag": 5, "lag_seconds": 999.0, "quiet_seconds": 999.0}, Condition.PAUSED),
        ({"throttled": "5,000 rows/s"}, Condition.THROTTLED),
        ({"throttled": "5,000 rows/s", "lag": 5, "lag_seconds": 61.0}, Condition.LATE),
    ],
)
def test_the_worst_that_holds_is_said(changes: dict[str, object], condition: Condition) -> None:
    found, reason = condition_of(dataclasses.replace(WELL, **changes), PROMISE)  # type: ignore[arg-type]
    assert found is condition
    assert bool(reason) is (condition not in {Condition.OK, Condition.PAUSED})


class TestTheAgeOfTheOldestMessage:
    def test_nothing_left_is_0_and_not_known_is_none(self) -> None:
        oldest = OldestMessage()
        assert oldest.age(1000.0, 10.0, None) is None
        assert oldest.age(1000.0, 10.0, 0) == 0.0
        assert oldest.age(1000.0, 10.0, 5) is None

    def test_it_is_by_the_message_that_was_read_until_the_offset_moves(self) -> None:
        oldest = OldestMessage()
        oldest.read(7, 940_000)
        assert oldest.age(1000.0, 10.0, 5) == 60.0
        oldest.read(7, None)  # a new generation has not read it yet
        oldest.look(11.0, 7, 5)
        assert oldest.age(1001.0, 11.0, 5) == 61.0
        oldest.look(12.0, 8, 4)
        assert oldest.age(1002.0, 12.0, 4) is None

    def test_a_message_that_nobody_has_read_is_as_old_as_the_lag_at_most(self) -> None:
        oldest = OldestMessage()
        oldest.look(10.0, 7, 0)
        oldest.look(12.0, 7, 5)
        assert oldest.age(1000.0, 15.0, 5) == 5.0

    def test_a_clock_that_is_ahead_makes_nothing_younger_than_now(self) -> None:
        oldest = OldestMessage()
        oldest.read(7, 2_000_000)
        assert oldest.age(1000.0, 10.0, 5) == 0.0


class TestTheTrend:
    def test_it_needs_some_seconds(self) -> None:
        trend = LagHistory()
        assert trend.caught_up_in is None
        trend.add(0.0, 1000)
        trend.add(4.0, 900)
        assert trend.per_second is None
        assert trend.caught_up_in is None
        trend.add(10.0, 500)
        assert trend.per_second == -50.0
        assert trend.caught_up_in == 10.0

    def test_what_grows_is_never_caught_up_and_what_is_caught_up_takes_no_time(self) -> None:
        trend = LagHistory()
        trend.add(0.0, 0)
        assert trend.caught_up_in == 0.0
        trend.add(10.0, 100)
        assert trend.per_second == 10.0
        assert trend.caught_up_in is None

    def test_it_is_of_the_last_half_minute_and_of_what_is_known(self) -> None:
        trend = LagHistory()
        for second in range(0, 100, 10):
            trend.add(float(second), 100 if second < 50 else 200)
        trend.add(100.0, 200)
        assert trend.per_second == 0.0
        trend.add(101.0, None)
        assert trend.per_second is None


class TestTheLog:
    ORDERS: ClassVar = [PartitionKey("orders", number) for number in range(3)]

    @staticmethod
    def watches(**conditions: Condition) -> dict[PartitionKey, Any]:
        keys = zip(TestTheLog.ORDERS, conditions.values(), strict=False)
        return {key: SimpleNamespace(condition=one, reason="why") for key, one in keys}

    def test_each_change_is_told_once_and_many_in_one_line(self, caplog: pytest.LogCaptureFixture) -> None:
        log = ConditionLog()
        with caplog.at_level(logging.INFO, logger="rtpipe"):
            for _ in range(2):
                log.look(self.watches(a=Condition.LATE, b=Condition.OK, c=Condition.LATE))
            log.look(self.watches(a=Condition.STUCK, b=Condition.OK, c=Condition.UNKNOWN))
            for _ in range(2):
                log.look(self.watches(a=Condition.OK, b=Condition.OK, c=Condition.OK))
        assert caplog.messages == [
            "orders/0, orders/2: late: why",
            "orders/0: stuck: why",
            "orders/0, orders/2: neither late nor stuck any more",
        ]
        assert [getattr(one, "partition", "") for one in caplog.records] == ["", "orders/0", ""]
