"""Stored offsets as a person sees and changes them; Kafka and the database are fakes."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from rtpipe.errors import RtpipeError, SettingsError, UnreachableError
from supervisor.admin import connection as admin_connection
from supervisor.admin import offset_work, offsets
from supervisor.admin.offset_view import facts_of, print_offsets
from supervisor.admin.offset_work import OffsetWork
from supervisor.admin.offsets import OffsetAdmin, StoredOffset
from supervisor.kafka.cluster_view import TopicFacts
from supervisor.kafka.log_offsets import Offsets
from supervisor.settings.settings import Settings
from tests.support.fakes.fake_database import FakeConnection, FakeRows
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey
from workers.database.errors import DatabaseTrouble

ORDERS = [PartitionKey("orders", number) for number in range(2)]
URL = "mysql+pymysql://u:p@db:3306/bank"


def row(key: PartitionKey, offset: int, topic_id: str | None = "old") -> dict[str, Any]:
    return {
        "topic": key.topic,
        "partition": key.partition,
        "consumer_group": "g",
        "offset": offset,
        "epoch": 3,
        "rows_total": 1_000,
        "topic_id": topic_id,
        "owner": None,
    }


STORED = StoredOffset(ORDERS[0], "g", 10, 3, 1_000, "old", "")


class Kafka:
    """What a cluster says of topic `orders`."""

    begins: Offsets = Offsets({ORDERS[0]: 5, ORDERS[1]: 0}, {})
    gone = False

    def __init__(self, properties: dict[str, str]) -> None:
        assert properties["bootstrap.servers"] == "k:1"

    def topics(self, names: list[str]) -> list[TopicFacts]:
        if self.gone:
            raise SetupError("Kafka has no topic")
        return [TopicFacts(name, "new", tuple(ORDERS)) for name in names]

    def cluster_id(self, _topic: str) -> str:
        return "c"

    def log_begins(self, _keys: object) -> Offsets:
        return Offsets({}, {}) if self.gone else self.begins

    def log_ends(self, _keys: object) -> Offsets:
        return Offsets({}, {}) if self.gone else Offsets({ORDERS[0]: 30}, {ORDERS[1]: "no leader"})


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    """The connection of every question; a test fills in its answers."""
    found = FakeConnection()

    def opened(url: str, silence: int, *, writes: bool) -> Any:
        assert (url, silence, writes) == (URL, 7, True)
        return found.session

    monkeypatch.setattr(admin_connection, "open_session", opened)
    monkeypatch.setattr(offset_work, "ClusterView", Kafka)
    monkeypatch.setattr(Kafka, "gone", False)
    return found


@pytest.fixture
def work(database: FakeConnection) -> OffsetWork:
    return work_on(database)


def work_on(database: FakeConnection, **topics: Any) -> OffsetWork:
    database.answers = [FakeRows([row(ORDERS[0], 10), row(ORDERS[1], 4, None)])]
    return OffsetWork(Settings(bootstrap_servers="k:1", database_url=URL, database_seconds=7, defaults=topics))


def test_every_row_beside_its_log(work: OffsetWork, database: FakeConnection, capsys: Any) -> None:
    known = work.known(["orders"])
    assert [(found.first, found.end, found.lag) for found in known] == [(5, 30, 20), (0, None, None)]
    assert "WHERE kafka_offsets.topic IN ('orders')" in database.said[0]
    assert facts_of(known[1]) == {
        "topic": "orders",
        "partition": 1,
        "group": "g",
        "offset": 4,
        "epoch": 3,
        "rows_total": 1_000,
        "topic_id": "",
        "owner": "",
        "log_begins": 0,
        "log_ends": None,
    }
    print_offsets(known)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["PARTITION", "GROUP"]
    assert lines[2].split() == ["orders/1", "g", "0", "4", "-", "-", "3", "1,000"]
    assert database.closed == 1


def test_a_topic_that_is_gone_has_no_log(work: OffsetWork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kafka, "gone", True)
    assert [(found.first, found.end) for found in work.known()] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("offset", "words"),
    [(10, "nothing is skipped"), (30, "20 offsets will be SKIPPED"), (5, "5 offsets will be read AGAIN")],
)
def test_a_change_says_what_it_does(work: OffsetWork, offset: int, words: str) -> None:
    change = work.change(ORDERS[0], offset)
    assert change.words()[0] == "orders/0: stored 10, log is [5,30)"
    assert words in change.words()[1]


def test_an_offset_beside_the_log_and_a_partition_without_a_row_are_refused(
    work: OffsetWork, database: FakeConnection
) -> None:
    with pytest.raises(SettingsError, match=r"orders/0: offset 31 is not in the log \[5,30\]"):
        work.change(ORDERS[0], 31)
    database.answers = [FakeRows([row(ORDERS[0], 10)])]
    with pytest.raises(SettingsError, match="kafka_offsets has no row of orders/1"):
        work.change(ORDERS[1], 0)


def test_setting_an_offset_changes_the_row_that_the_person_saw(work: OffsetWork, database: FakeConnection) -> None:
    change = work.change(ORDERS[0], 12)
    database.answers = [FakeRows(changed=1)]
    work.set(change)
    said = database.said[-1]
    assert "SET offset=12, epoch=(kafka_offsets.epoch + 1), leader_epoch=-1" in said
    assert "epoch = 3" in said
    assert database.commits == 1
    database.answers = [FakeRows(changed=0)]
    with pytest.raises(SetupError, match="orders/0: a writer moved it meanwhile"):
        work.set(change)


def test_adopting_a_topic_begins_at_its_first_messages(work: OffsetWork, database: FakeConnection) -> None:
    adoption = work.adoption("orders")
    assert adoption.words()[0] == "orders: topic id old -> new, 2 partitions"
    database.answers = [FakeRows(changed=1), FakeRows(changed=1)]
    work.adopt(adoption)
    assert "topic_id='new'" in database.said[-2]
    assert "cluster_id='c'" in database.said[-2]
    assert "rows_total=0" in database.said[-1]
    assert database.commits == 2


def journal_rows(database: FakeConnection) -> list[str]:
    """Their values."""
    return [said.partition(" VALUES ")[2] for said in database.said if said.startswith("INSERT INTO rtpipe_journal")]


def test_where_there_is_a_journal_it_says_who_set_an_offset(
    database: FakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offsets, "acting_person", lambda: "alice on db-host")
    work = work_on(database, journal=True)
    change = work.change(ORDERS[0], 12)
    database.answers = [FakeRows(changed=1)]
    work.set(change)
    assert journal_rows(database) == ["(orders, 0, g, set, 10, 12, 0, 0, 0, 4, alice on db-host, utc_timestamp(6))"]
    assert database.commits == 1
    database.answers = [FakeRows(changed=0)]
    with pytest.raises(SetupError, match="a writer moved it meanwhile"):
        work.set(change)
    assert len(journal_rows(database)) == 1


def test_where_there_is_a_journal_it_says_who_adopted_a_topic(database: FakeConnection) -> None:
    work = work_on(database, journal=True)
    adoption = work.adoption("orders")
    database.answers = [FakeRows(changed=1), FakeRows(changed=1)]
    work.adopt(adoption)
    assert [kept.partition(", 0, 0, 0, 4, ")[0] for kept in journal_rows(database)] == [
        "(orders, 0, g, adopt, 10, 5",
        "(orders, 1, g, adopt, 4, 0",
    ]


def test_a_journal_that_is_missing_is_told_by_its_name_and_nothing_is_set(database: FakeConnection) -> None:
    work = work_on(database, journal=True)
    change = work.change(ORDERS[0], 12)
    no_table = pymysql.err.ProgrammingError(1146, "no such table")
    database.answers = [FakeRows(changed=1), no_table]
    with pytest.raises(SetupError, match="there is no table rtpipe_journal") as caught:
        work.set(change)
    assert (caught.value.hint, database.commits) == ("`rtpipe setup` makes it", 0)


def test_a_topic_is_adopted_only_as_a_whole(
    work: OffsetWork, database: FakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kafka, "begins", Offsets({ORDERS[0]: 5}, {ORDERS[1]: "no leader"}))
    with pytest.raises(UnreachableError, match="where orders/1 begins is not known: no leader"):
        work.adoption("orders")
    database.answers = [FakeRows()]
    with pytest.raises(SettingsError, match="kafka_offsets has no row of topic orders"):
        work.adoption("orders")


@pytest.mark.parametrize(
    ("number", "name", "words"),
    [
        (1146, "E_CONFIG", "there is no table kafka_offsets"),
        (2013, "E_UNREACHABLE", "the database does not answer"),
        (1205, "E_UNREACHABLE", "for now: .*lock wait timeout"),
        (1290, "E_UNREACHABLE", "for now: .*read only"),
        (1142, "E_AUTH", "reading kafka_offsets"),
    ],
)
def test_what_the_server_says_is_told_with_what_was_done(
    database: FakeConnection, number: int, name: str, words: str
) -> None:
    database.answers = [DatabaseTrouble(number)]
    with pytest.raises(RtpipeError, match=words) as caught:
        OffsetAdmin(URL, 7).stored()
    assert caught.value.name == name
    assert database.closed == 1
