"""A person looks into the journal: which rows are asked for, and how they are shown."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from supervisor.journal import journal_reader
from supervisor.journal.journal_reader import JournalRow, read_journal
from supervisor.journal.journal_view import facts_of, print_journal
from supervisor.settings.settings import Settings
from tests.support.fakes.fake_database import FakeConnection, FakeRows
from workers.contract.partition_spec import PartitionKey

ORDERS = PartitionKey("orders", 3)
AT = dt.datetime(2026, 11, 30, 3, 12, 7, 120_000)  # noqa: DTZ001 - as the table has it
BATCH = ("batch", 1_000, 1_500, 500, 499, 1, 7, "db-host:4711 of supervisor 9-ab", AT)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    found = FakeConnection()

    @contextlib.contextmanager
    def opened(url: str, silence: int, table: str, doing: str, *, writes: bool) -> Iterator[Any]:
        assert (url, silence, table) == ("mysql+pymysql://u:p@db/bank", 7, "rtpipe_journal")
        assert (doing, writes) == ("reading the journal of orders/3", False)
        yield found

    monkeypatch.setattr(journal_reader, "admin_connection", opened)
    return found


def settings(**topics: Any) -> Settings:
    return Settings(database_url="mysql+pymysql://u:p@db/bank", database_seconds=7, defaults=topics)


def test_the_newest_rows_are_told_in_their_order(database: FakeConnection) -> None:
    database.answers = [FakeRows([("set", *BATCH[1:]), BATCH])]
    assert [row.kind for row in read_journal(settings(), ORDERS, None, 2)] == ["batch", "set"]
    assert database.said[0].endswith(
        "WHERE rtpipe_journal.topic = 'orders' AND rtpipe_journal.partition = 3"
        " AND rtpipe_journal.consumer_group = 'group-orders' ORDER BY rtpipe_journal.id + 0 DESC LIMIT 2"
    )


def test_an_offset_is_looked_for_in_what_was_read(database: FakeConnection) -> None:
    database.answers = [FakeRows([])]
    assert read_journal(settings(group="g"), ORDERS, 1_200, 20) == []
    assert "consumer_group = 'g'" in database.said[0]
    assert "AND rtpipe_journal.next_offset > 1200 AND rtpipe_journal.first_offset <= 1200" in database.said[0]


def test_a_row_is_shown_to_people_and_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    row = JournalRow(*BATCH)
    print_journal([row])
    title, line = capsys.readouterr().out.splitlines()
    assert title.split() == ["WRITTEN", "AT", "KIND", "FIRST", "NEXT", "MESSAGES", "ROWS", "DEAD", "EPOCH", "OWNER"]
    assert line.split()[:8] == ["2026-11-30T03:12:07.120Z", "batch", "1,000", "1,500", "500", "499", "1", "7"]
    assert line.endswith("db-host:4711 of supervisor 9-ab")
    assert facts_of(row) == {
        "kind": "batch",
        "first_offset": 1_000,
        "next_offset": 1_500,
        "messages": 500,
        "rows_written": 499,
        "dead_letters": 1,
        "epoch": 7,
        "owner": "db-host:4711 of supervisor 9-ab",
        "written_at": "2026-11-30T03:12:07.120Z",
    }
