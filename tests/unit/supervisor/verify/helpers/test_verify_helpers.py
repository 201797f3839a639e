"""`rtpipe verify` with helper processes says what it says without; and what becomes of one that ends by itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest

from avro_schemas.tables.rules import TableRules
from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify import topic_comparison
from supervisor.verify.helpers import helpers as module
from supervisor.verify.helpers.helper_process import Part
from supervisor.verify.helpers.helpers import Helpers
from supervisor.verify.matching.rows import Message, Sides
from supervisor.verify.matching.tally import Tally
from supervisor.verify.outcome.report import TopicReport
from supervisor.verify.table.row_reader import RowPackets
from tests.support.samples.row_packets import row_packet
from tests.support.samples.verified_topic import SCHEMA, Verified, message, tombstone, value
from workers.contract.errors import TemporaryError

RENAMED = {**SCHEMA, "fields": [*SCHEMA["fields"], {"name": "more", "type": ["null", "string"], "default": None}]}
MESSAGES = [message(n, n, "ann" if n % 3 else None) for n in range(60)]
ROWS: list[list[str | None]] = [[str(n), "ann" if n % 3 else None] for n in range(60)]


@pytest.fixture
def two_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def broken(offset: int) -> TopicMessage:
    return TopicMessage(0, offset, value(id=1, name="x")[:-1], None)


@pytest.mark.usefixtures("two_helpers")
class TestTheSameAnswer:
    @pytest.fixture
    def report(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """What both ways say of a topic, once they are seen to say the same."""

        def of(messages: list[TopicMessage], rows: list[list[str | None]], **more: Any) -> TopicReport:
            verified = Verified(monkeypatch)
            alone = verified.report(messages, rows, **more)
            with monkeypatch.context() as patch:
                patch.setattr(topic_comparison, "HELPED_FROM", 0)
                helped = verified.report(messages, rows, **more)
            assert helped == alone
            assert not multiprocessing.active_children()
            return helped

        return of

    def test_equal(self, report: Any) -> None:
        assert report(MESSAGES, ROWS).ok

    def test_lost_doubled_altered_and_unreadable(self, report: Any) -> None:
        rows = [*ROWS[:7], *ROWS[8:20], ["20", "bob"], *ROWS[21:], ROWS[3]]
        found = report([*MESSAGES, broken(60), TopicMessage(0, 61, b"no avro", None), tombstone(62, b"1")], rows)
        assert {str(kind): count for kind, count in found.counts.items()} == {
            "missing": 1,
            "extra": 1,
            "altered": 1,
            "unreadable": 3,
        }

    def test_rows_that_say_their_position(self, report: Any) -> None:
        rows = [["0", str(n), *row] for n, row in enumerate(ROWS)]
        found = report(MESSAGES[10:], [*rows[:30], *rows[31:]], position=True, low=10, rows_total=60)
        assert [(each.partition, each.offset) for each in found.differences] == [(0, 30)]

    def test_one_row_a_key(self, report: Any) -> None:
        messages = [*MESSAGES, message(60, 1, "eve"), message(61, 2, "new")]
        rows = [ROWS[0], ["1", "eve"], *ROWS[2:]]
        rules = TableRules(mode="upsert", key=("id",))
        found = report(messages, rows, rules=rules)
        assert [each.offset for each in found.differences] == [61]


class Fatal:
    """Readers that fail, or end their process, in a helper."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._parent = os.getpid()

    def read(self, part: Part, topic: Tally, table: Tally) -> list[Message]:
        if os.getpid() != self._parent and self._number:
            os.kill(os.getpid(), self._number)
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "as always")


def read(readers: Any) -> None:
    with Helpers(readers, Sides()) as helpers:
        helpers.read(RowPackets([True], [row_packet([b"1"])]))
        helpers.finish()


@pytest.mark.usefixtures("two_helpers")
def test_what_fails_in_a_helper_fails_here() -> None:
    readers: Any = Fatal(0)
    with pytest.raises(UnicodeDecodeError, match="as always"):
        read(readers)
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("two_helpers")
def test_a_helper_that_is_killed_is_no_difference_but_an_error() -> None:
    readers: Any = Fatal(signal.SIGKILL)
    with pytest.raises(TemporaryError, match="ended with exit code -9"):
        read(readers)
    assert not multiprocessing.active_children()


def test_never_more_helpers_than_their_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(module, "MOST", 1)
    readers: Any = Fatal(0)
    with Helpers(readers, Sides()):
        assert len(multiprocessing.active_children()) == 1
