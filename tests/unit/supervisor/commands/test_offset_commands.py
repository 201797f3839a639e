"""`offsets` and `adopt`: the offset is shown and set, the person is asked, the exit code follows.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pytest

from supervisor.admin.offset_work import Adoption, KnownOffset, OffsetChange
from supervisor.admin.offsets import StoredOffset
from supervisor.journal.journal_reader import JournalRow
from supervisor.kafka.cluster_view import TopicFacts
from tests.support.command_answers import Command, Spy
from workers.contract.partition_spec import PartitionKey

pytestmark = pytest.mark.usefixtures("addresses")


ORDERS = PartitionKey("orders", 0)


STORED = StoredOffset(ORDERS, "g", 10, 3, 1_000, "old", "")


KNOWN = KnownOffset(STORED, 5, 30)


@pytest.fixture
def offset_work(monkeypatch: pytest.MonkeyPatch) -> Any:
    adoption = Adoption([STORED], TopicFacts("orders", "new", (ORDERS,)), "c", {ORDERS: 5})
    found = SimpleNamespace(
        known=Spy([KNOWN]), change=Spy(OffsetChange(KNOWN, 12)), set=Spy(), adoption=Spy(adoption), adopt=Spy()
    )
    monkeypatch.setattr("supervisor.admin.offset_work.OffsetWork", lambda _settings: found)
    return found


def test_offsets_list(rtpipe: Command, offset_work: Any) -> None:
    assert "orders/0" in rtpipe("offsets", "list").stdout
    assert offset_work.known.calls[-1] == (((),), {})
    told = json.loads(rtpipe("offsets", "list", "-t", "orders", "--json").stdout)
    assert told["schema_version"] == 1
    assert [one["log_ends"] for one in told["offsets"]] == [30]
    assert offset_work.known.calls[-1] == ((["orders"],), {})


def test_offsets_journal(rtpipe: Command, spy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at = dt.datetime(2026, 11, 30, 3, 12, 7)  # noqa: DTZ001 - as the table has it
    asked = spy("supervisor.journal.journal_reader.read_journal", [JournalRow("batch", 1, 9, 8, 7, 1, 3, "h:1", at)])
    assert "2026-11-30T03:12:07.000Z" in rtpipe("offsets", "journal", "orders/0").stdout
    assert asked.calls[-1][0][1:] == (ORDERS, None, 20)
    told = json.loads(rtpipe("offsets", "journal", "orders/0", "--offset", "4", "-n", "2", "--json").stdout)
    assert (told["schema_version"], told["journal"][0]["next_offset"]) == (1, 9)
    assert asked.calls[-1][0][1:] == (ORDERS, 4, 2)
    asked.answer = []
    off = "the journal has no row of orders/0 with offset 4; journal = true for orders turns it on\n"
    assert rtpipe("offsets", "journal", "orders/0", "--offset", "4").stdout == off
    monkeypatch.setenv("RTPIPE_DEFAULTS", '{"journal": true}')
    assert rtpipe("offsets", "journal", "orders/0").stdout == "the journal has no row of orders/0\n"


def test_offsets_set(rtpipe: Command, offset_work: Any, typed: Any) -> None:
    answer = rtpipe("offsets", "set", "orders/0", "12", "--yes")
    assert answer.returncode == 0, answer.stderr
    assert "2 offsets will be SKIPPED" in answer.stdout
    assert "orders/0: 10 -> 12; now: rtpipe resume orders/0" in answer.stdout
    assert "to undo it before the partition is resumed: rtpipe offsets set orders/0 10" in answer.stdout
    assert offset_work.change.only == ((ORDERS, 12), {})
    assert rtpipe("offsets", "set", "orders/0", "12", "--dry-run").returncode == 0
    assert len(offset_work.set.calls) == 1
    typed("n")
    assert rtpipe("offsets", "set", "orders/0", "12").returncode == 1
    assert len(offset_work.set.calls) == 1
    typed("y")
    assert rtpipe("offsets", "set", "orders/0", "12").returncode == 0
    assert len(offset_work.set.calls) == 2


def test_adopt(rtpipe: Command, offset_work: Any, typed: Any) -> None:
    answer = rtpipe("adopt", "orders", "--yes")
    assert answer.returncode == 0
    assert "topic id old -> new, 1 partitions" in answer.stdout
    assert "orders: adopted" in answer.stdout
    typed("n")
    assert rtpipe("adopt", "orders").returncode == 1
    assert len(offset_work.adopt.calls) == 1
