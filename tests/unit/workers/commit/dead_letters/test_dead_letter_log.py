"""Dead letters and altered values are told, at most a line of each every ten seconds, and none is forgotten."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from tests.support.samples.specs import default_spec
from workers.commit.dead_letters import log as dead_letter_log
from workers.commit.dead_letters.log import DeadLetterLog
from workers.contract.partition_spec import PartitionKey


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(dead_letter_log, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


@pytest.mark.usefixtures("clock")
def test_how_many_of_each_reason_and_how_many_values(caplog: pytest.LogCaptureFixture) -> None:
    told = DeadLetterLog(default_spec(PartitionKey("orders", 0)))
    told.add(Counter(E_VALUE=2), altered=5)
    told.add(Counter(E_DECODE=1, E_VALUE=1))
    told.tell_if_due()
    assert caplog.messages == [
        "W_ALTERED orders/0: lossy columns changed 5 values",
        "W_DEAD_LETTERS orders/0: 1 E_DECODE, 3 E_VALUE",
    ]
    assert [vars(entry)["event"] for entry in caplog.records] == ["values_altered", "dead_letters"]
    assert (vars(caplog.records[0])["altered"], vars(caplog.records[1])["dead"]) == (5, 4)


def test_once_in_ten_seconds_and_the_rest_with_the_next_line(
    clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    told = DeadLetterLog(default_spec(PartitionKey("orders", 0)))
    told.tell_if_due()
    assert caplog.messages == []
    for passed in (0, 4, 8, 12):
        clock.now = 100.0 + passed
        told.add(Counter(E_VALUE=1))
        told.tell_if_due()
    assert caplog.messages == ["W_DEAD_LETTERS orders/0: 1 E_VALUE", "W_DEAD_LETTERS orders/0: 3 E_VALUE"]


def test_a_writer_that_leaves_tells_what_it_did_not_tell_yet(
    clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    told = DeadLetterLog(default_spec(PartitionKey("orders", 0)))
    for _ in range(2):
        told.add(Counter(), altered=1)
        told.tell_if_due()
    told.tell()
    told.tell()
    assert caplog.messages == ["W_ALTERED orders/0: lossy columns changed 1 values"] * 2
