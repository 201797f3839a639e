"""What a person may do to dead letters, on a database in memory; what is fetched again from a Kafka that is a fake."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError
from sqlalchemy import insert

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from rtpipe.errors import UnreachableError
from supervisor.dead_letters import admin as module
from supervisor.dead_letters import fetch
from supervisor.dead_letters.admin import DeadLetterAdmin
from supervisor.dead_letters.fetch import DeadLetterFetch
from supervisor.dead_letters.selection import selection
from tests.support.fakes.memory_database import MemoryServer
from workers.commit.dead_letters.rows import NOT_KEPT
from workers.contract.partition_spec import PartitionKey
from workers.retry.dead_letter import DeadLetter, DeadLetterSource

DAY = dt.datetime(2026, 5, 1, 12)  # noqa: DTZ001 - DATETIME columns hold UTC without a zone
ALL = selection()


class Rig:
    """An admin, and the table that it works on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = MemoryServer()
        self.doing: list[str] = []
        monkeypatch.setattr(module, "admin_connection", self.connection)
        self.admin = DeadLetterAdmin("mysql+pymysql://u@h/bank", 10)

    @contextlib.contextmanager
    def connection(self, _url: str, silence: int, table: str, doing: str) -> Iterator[Any]:
        assert (silence, table) == (10, DEAD_LETTERS.name)
        self.doing.append(doing)
        with self.server.engine.connect() as connection:
            yield connection

    def add(self, offset: int, topic: str = "orders", error: str = "E_VALUE", **more: Any) -> None:
        row = {"topic": topic, "partition": 0, "offset": offset, "consumer_group": "g", "topic_id": "id"}
        row |= {"error_name": error, "error_text": "why", "table_name": topic, "value": b"v", "key": b"k"}
        row |= {"written_at": DAY + dt.timedelta(seconds=offset)} | more
        with self.server.engine.begin() as connection:
            connection.execute(insert(DEAD_LETTERS).values(**row))

    def offsets(self, limit: int | None = None, until: dt.datetime = DAY + dt.timedelta(days=1)) -> list[list[int]]:
        """Offsets of the chunks of the first source."""
        [source, *_] = self.admin.sources(ALL)
        return [[each.offset for each in chunk] for chunk in self.admin.chunks(source, ALL, until, limit)]


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def test_they_are_counted_by_topic_and_error_with_their_times(rig: Rig) -> None:
    for offset, error in ((1, "E_VALUE"), (2, "E_DECODE"), (5, "E_VALUE")):
        rig.add(offset, error=error)
    rig.add(9, topic="payments")
    counts = [(each.topic, each.error_name, each.count) for each in rig.admin.counts(ALL)]
    assert counts == [("orders", "E_DECODE", 1), ("orders", "E_VALUE", 2), ("payments", "E_VALUE", 1)]
    assert [each.count for each in rig.admin.counts(selection(["payments"]))] == [1]
    assert rig.doing == ["counting dead letters"] * 2


def test_the_newest_come_first_and_without_their_content(rig: Rig) -> None:
    for offset in range(4):
        rig.add(offset)
    found = rig.admin.newest(ALL, 2)
    assert [each.offset for each in found] == [3, 2]
    assert {(each.key, each.value, each.headers) for each in found} == {(None, None, None)}


def test_of_a_value_that_is_too_long_to_be_decoded_only_the_begin_is_read(rig: Rig) -> None:
    rig.add(0, value=bytes(1 << 17))
    rig.add(1)
    assert [len(each.value or b"") for each in rig.admin.newest(ALL, 2, values=True)] == [1, 1_024]


def test_one_position_may_have_several(rig: Rig) -> None:
    rig.add(7)
    rig.add(7, consumer_group="other", dropped_at=DAY)
    rig.add(7, topic="payments")
    found = rig.admin.at(PartitionKey("orders", 0), 7)
    assert sorted(each.source.group for each in found) == ["g", "other"]
    assert {each.value for each in found} == {b"v"}
    assert rig.admin.at(PartitionKey("orders", 0), 8) == []


def test_sources_are_named_once_each(rig: Rig) -> None:
    for offset in (1, 2):
        rig.add(offset)
        rig.add(offset, partition=3)
    assert rig.admin.sources(ALL) == [DeadLetterSource(PartitionKey("orders", n), "g", "id") for n in (0, 3)]


class TestChunks:
    def test_by_number(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_CHUNK", 2)
        for offset in range(5):
            rig.add(offset)
        assert rig.offsets() == [[0, 1], [2, 3], [4]]
        assert rig.offsets(limit=3) == [[0, 1], [2]]

    def test_by_bytes_and_one_that_is_larger_comes_alone(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_CHUNK_BYTES", 10)
        for offset, size in enumerate((4, 4, 4, 50, 1)):
            rig.add(offset, value=b"x" * size)
        assert rig.offsets() == [[0, 1], [2], [3], [4]]

    def test_what_came_later_is_left_out(self, rig: Rig) -> None:
        for offset in (0, 1, 100):
            rig.add(offset)
        assert rig.offsets(until=DAY + dt.timedelta(seconds=1)) == [[0, 1]]

    def test_of_all_sources(self, rig: Rig) -> None:
        for offset in (1, 2):
            rig.add(offset, written_at=DAY - dt.timedelta(days=365))
            rig.add(offset, partition=1, written_at=DAY - dt.timedelta(days=365))
        rig.admin.now = lambda: DAY  # type: ignore[method-assign]  # SQLite's clock is a text
        assert [(each.source.key.partition, each.offset) for each in rig.admin.all(ALL)] == [
            (0, 1),
            (0, 2),
            (1, 1),
            (1, 2),
        ]


def test_drop_takes_the_content_and_leaves_the_rest(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for offset in (0, 1, 100):
        rig.add(offset)
    rig.add(0, partition=1, error="E_DECODE")
    monkeypatch.setattr(module, "_DROPPED_AT_ONCE", 1_000)
    assert rig.admin.drop_all(selection(errors=["E_VALUE"]), DAY + dt.timedelta(seconds=1)).total() == 2
    rows = rig.server.rows("SELECT `partition`, `offset`, value, `key`, dropped_at IS NULL FROM rtpipe_dead_letters")
    dropped, whole = (None, None, 0), (b"v", b"k", 1)
    assert sorted(rows) == [(0, 0, *dropped), (0, 1, *dropped), (0, 100, *whole), (1, 0, *whole)]
    assert rig.admin.drop_all(selection(errors=["E_VALUE"]), DAY + dt.timedelta(seconds=1)).total() == 0


# -- fetched again ---------------------------------------------------------------------------------------------------


class FakeConsumer:
    """`answers` of poll, one after the other; then nothing for ever."""

    answers: list[Any]
    made: list[FakeConsumer]

    def __init__(self, properties: dict[str, str], **_: Any) -> None:
        self.assigned: list[Any] = []
        self.closed = False
        FakeConsumer.made.append(self)

    def assign(self, wanted: list[Any]) -> None:
        self.assigned += [(each.topic, each.partition, each.offset) for each in wanted]

    def poll(self, _seconds: float) -> Any:
        return FakeConsumer.answers.pop(0) if FakeConsumer.answers else None

    def close(self) -> None:
        self.closed = True


def sent(offset: int, *, error: KafkaError | None = None, headers: Any = None) -> Any:
    facts = {"offset": offset, "error": error, "key": "key", "value": b"large", "headers": headers}
    return type("Message", (), {name: (lambda _, what=what: what) for name, what in facts.items()})()


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What ClusterView tells of the topic, or the error that it raises."""
    topics: list[Any] = [SimpleNamespace(topic_id="id")]

    def found(_names: list[str]) -> list[Any]:
        if isinstance(topics[0], Exception):
            raise topics[0]
        return topics

    FakeConsumer.answers, FakeConsumer.made = [], []
    monkeypatch.setattr(fetch, "Consumer", FakeConsumer)
    monkeypatch.setattr(fetch, "ClusterView", lambda _: SimpleNamespace(topics=found))
    ticks = iter(range(1_000_000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(ticks)))
    return topics


LARGE = DeadLetter(
    source=DeadLetterSource(PartitionKey("orders", 3), "g", "id"),
    offset=7,
    timestamp=-1,
    key=None,
    value=None,
    headers=None,
    schema_id=1,
    error_name="E_VALUE",
    error_text=NOT_KEPT,
    table="t",
    written_at=DAY,
    dropped_at=None,
)


def whole(dead_letter: DeadLetter = LARGE, servers: str = "k:1") -> DeadLetter:
    with DeadLetterFetch({"bootstrap.servers": servers}) as opened:
        found = opened.whole(dead_letter)
    assert all(consumer.closed for consumer in FakeConsumer.made)
    return found


class TestFetch:
    def test_what_the_table_has_not_comes_from_kafka(self, kafka: list[Any]) -> None:
        transient = KafkaError(KafkaError._TRANSPORT, "down", retriable=True)
        FakeConsumer.answers = [None, sent(0, error=transient), sent(7, headers=[("h", "x"), ("n", None)])]
        found = whole()
        assert (found.key, found.value, found.headers) == (b"key", b"large", [("h", b"x"), ("n", None)])
        assert found.whole
        assert FakeConsumer.made[0].assigned == [("orders", 3, 7)]

    def test_what_is_kept_is_not_asked_for(self, kafka: list[Any]) -> None:
        kept = dataclasses.replace(LARGE, error_text="why")
        assert whole(kept) is kept
        assert whole(servers="") is LARGE
        assert FakeConsumer.made == []

    def test_a_topic_that_was_made_again_has_another_message_there(self, kafka: list[Any]) -> None:
        kafka[0] = SimpleNamespace(topic_id="another")
        assert whole() is LARGE
        assert FakeConsumer.made == []

    @pytest.mark.parametrize(
        "answers",
        [
            [sent(8)],  # the next one: retention or compaction has deleted it
            [sent(0, error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))],
            [],
        ],
    )
    def test_what_is_not_to_be_had_leaves_it_as_it_is(self, kafka: list[Any], answers: list[Any]) -> None:
        FakeConsumer.answers = list(answers)
        assert whole() is LARGE

    def test_a_kafka_that_does_not_answer(self, kafka: list[Any]) -> None:
        kafka[0] = UnreachableError("Kafka is away")
        assert whole() is LARGE
