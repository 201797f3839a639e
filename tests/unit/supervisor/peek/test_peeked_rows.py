"""What `rtpipe peek` finds for messages: keys by the writer's own encoder, rows on a database in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from avro_schemas.columns.found_table import UnusableTableError
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SettingsError, UnreachableError
from supervisor.peek import known_partition, peek, row_finder
from supervisor.peek.message_keys import MessageKeys
from supervisor.peek.peek import Peek, PeekOrder
from supervisor.peek.peeked import Beside, Peeked, RowState
from supervisor.peek.row_finder import RowFinder
from supervisor.settings.settings import Settings, load_with
from tests.support.fakes.memory_database import MemoryConnection, MemoryServer
from tests.support.samples.small_orders import SmallSchemas, order
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey, PartitionSpec

KEY = PartitionKey("orders", 0)
INSERTED = default_spec(KEY, table="placed", topic_id="id")
UPSERTED = default_spec(KEY, rules=TableRules(metadata=(), mode="upsert", key=("a",)), topic_id="id")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("RTPIPE_BOOTSTRAP_SERVERS", "k:1")
    monkeypatch.setenv("RTPIPE_SCHEMA_REGISTRY_URL", "http://r:1")
    monkeypatch.setenv("RTPIPE_DATABASE_URL", "mysql+pymysql://u:p@db:1/bank")
    return load_with("bootstrap_servers")


def read(offset: int, value: bytes | None, partition: int = 0) -> Peeked:
    return Peeked(PartitionKey("orders", partition), offset, 1_000, 1, b"k", value, None, None, "")


# -- keys ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def keys(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> MessageKeys:
    made, schemas = MessageKeys(settings), SmallSchemas(UPSERTED.rules)
    monkeypatch.setattr(made._requests, "answer", lambda _spec, wanted: (schemas.rows(wanted.schema_id),))
    return made


def test_the_key_of_each_message_by_its_offset(keys: MessageKeys) -> None:
    assert keys.literals(UPSERTED, [read(4, order(17)), read(7, order(18))]) == ({4: "17", 7: "18"}, "")


def test_why_a_message_has_no_key(keys: MessageKeys) -> None:
    found, why = keys.literals(UPSERTED, [read(4, b"no avro"), read(7, order(18))])
    assert found == {7: "18"}
    assert "not the registry's wire format" in why


def test_without_its_schema_no_message_has_a_key(keys: MessageKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Any:
        raise UnreachableError("the registry is away")

    monkeypatch.setattr(keys._requests, "answer", away)
    assert keys.literals(UPSERTED, [read(4, order(17))]) == ({}, "the registry is away")


# -- rows ----------------------------------------------------------------------------------------------------------


class Database:
    """SQLite with the tables of a pipeline; `tables` are those that can be seen, by their columns."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.server = MemoryServer()
        self.server.sql("CREATE TABLE placed (a, _kafka_partition, _kafka_offset)")
        position = ("a", "_kafka_partition", "_kafka_offset")
        self.tables: dict[str, Any] = {"orders": ("a", "b"), "placed": position}
        self.tables |= {"kafka_offsets": (), "rtpipe_dead_letters": ()}
        self.indexed = 1
        self._patch = patch
        patch.setattr(row_finder, "admin_connection", self._connected)
        for module in (row_finder, known_partition):
            patch.setattr(module, "found_table", self._look)
            patch.setattr(module, "database_of", lambda _: "bank")

    def beside(self, spec: PartitionSpec, *messages: Peeked, keys: Any = None) -> list[tuple[str, str]]:
        self._patch.setattr(row_finder, "_INDEXED", f"SELECT {self.indexed} WHERE ? <> ?")
        found = RowFinder(5, keys).beside(spec, messages)
        return [(str(one.state), one.text) for one in found]

    def consumed(self, offset: int) -> None:
        names = "topic, `partition`, consumer_group, `offset`, topic_id"
        row = f"'orders', 0, 'group-orders', {offset}, 'id'"
        self.server.sql(f"INSERT INTO kafka_offsets ({names}) VALUES ({row})")

    @contextlib.contextmanager
    def _connected(self, *_: object) -> Iterator[Any]:
        connection = MemoryConnection(self.server)
        yield connection
        connection.close()

    def _look(self, _connection: object, _database: str, table: str) -> Any:
        found = self.tables.get(table)
        if isinstance(found, Exception):
            raise found
        return None if found is None else SimpleNamespace(columns=found)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    return Database(monkeypatch)


def test_rows_by_their_position(database: Database) -> None:
    database.consumed(9)
    database.server.sql("INSERT INTO placed VALUES (17, 0, 7), (18, 1, 8)")
    first, second = database.beside(INSERTED, read(7, order(17)), read(8, order(18)))
    assert first == ("row", "")
    assert second[0] == "no row", "the other row is one of another partition"


def test_without_a_table_of_offsets_nothing_is_consumed(database: Database) -> None:
    del database.tables["kafka_offsets"]
    assert database.beside(INSERTED, read(7, order(17)))[0] == (
        "no row yet",
        "nothing of its partition is consumed yet",
    )


def test_a_dead_letter(database: Database) -> None:
    database.consumed(9)
    names = "topic, `partition`, consumer_group, topic_id, `offset`, error_name, error_text"
    database.server.sql(
        f"INSERT INTO rtpipe_dead_letters ({names})"
        " VALUES ('orders', 0, 'group-orders', 'id', 7, 'E_VALUE', 'too long')"
    )
    assert database.beside(INSERTED, read(7, order(1)))[0] == ("dead letter", "E_VALUE  too long")


@pytest.mark.parametrize(
    ("columns", "indexed", "why"),
    [
        (None, 1, "there is no table placed"),
        (("a",), 1, "the table has no _kafka_partition and no _kafka_offset"),
        (
            ("a", "_kafka_partition", "_kafka_offset"),
            0,
            "no index of the table begins with _kafka_partition, _kafka_offset",
        ),
        (UnusableTableError("placed is a view"), 1, "placed is a view"),
    ],
    ids=["missing", "without position", "without index", "view"],
)
def test_why_nobody_can_tell(database: Database, columns: Any, indexed: int, why: str) -> None:
    database.consumed(9)
    database.tables["placed"], database.indexed = columns, indexed
    if columns is None:
        del database.tables["placed"]
    assert database.beside(INSERTED, read(7, order(17))) == [("cannot tell", why)]


def test_rows_by_their_key(database: Database) -> None:
    database.consumed(9)
    database.server.sql("INSERT INTO orders VALUES (17, 5)")
    keys = SimpleNamespace(literals=lambda *_: ({7: "17", 8: "18"}, ""))
    first, second = database.beside(UPSERTED, read(7, order(17)), read(8, order(18)), keys=keys)
    assert first == ("row", "of its key")
    assert second == ("no row", "its key has none: a later tombstone may have deleted it")


# -- all of it -----------------------------------------------------------------------------------------------------


class Kafka:
    """TopicReader: a topic of two partitions of three messages each."""

    def __init__(self) -> None:
        self.followed: Any = None
        self.closed = False

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def watermarks(self, _topic: str, only: int | None) -> dict[int, tuple[int, int]]:
        return {partition: (0, 3) for partition in (0, 1) if only in {None, partition}}

    def whole_messages(self, _topic: str, ranges: Any) -> Iterator[list[Any]]:
        for partition, (first, end) in ranges.items():
            yield [self.message(partition, at) for at in range(first, end)]

    def follow(self, _topic: str, starts: Any) -> Iterator[list[Any]]:
        self.followed = dict(starts)
        yield [self.message(partition, at) for partition, at in starts.items()]

    @staticmethod
    def message(partition: int, at: int) -> Any:
        return Sent(partition, at, None if at == 0 else order(at) if at == 1 else b"no avro")


@dataclass
class Sent:
    """As librdkafka's message."""

    number: int
    at: int
    content: bytes | None

    def topic(self) -> str:
        return "orders"

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_000 * self.at + self.number

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes | None:
        return self.content

    def headers(self) -> None:
        """None: it has none."""


class Rows:
    """RowFinder."""

    trouble: Any = None

    def beside(self, spec: PartitionSpec, messages: Any) -> list[Beside]:
        if self.trouble is not None:
            raise self.trouble
        return [Beside(RowState.ROW, f"{spec.key} {message.offset}") for message in messages]


class Peeking:
    def __init__(self, patch: pytest.MonkeyPatch, settings: Settings) -> None:
        self.settings = settings
        self.kafka, self.rows = Kafka(), Rows()
        decoded = SimpleNamespace(decoded=self._decoded)
        described = SimpleNamespace(topic_id="id", partitions=[PartitionKey("orders", number) for number in range(2)])
        patch.setattr(peek, "TopicReader", lambda *_, **__: self.kafka)
        patch.setattr(peek, "ClusterView", lambda _: SimpleNamespace(topics=lambda _topics: [described]))
        patch.setattr(peek, "reader_for", lambda _: decoded)
        patch.setattr(peek, "RowFinder", lambda *_: self.rows)

    @staticmethod
    def _decoded(value: bytes) -> tuple[Any, str]:
        return ({"a": 1}, "") if value == order(1) else (None, "it is no Avro")

    def __call__(self, *, partition: int | None = None, offset: int | None = None, count: int = 5) -> Peek:
        return Peek(self.settings, PeekOrder(topic="orders", partition=partition, offset=offset, count=count))


@pytest.fixture
def peeking(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Peeking:
    return Peeking(monkeypatch, settings)


def test_the_newest_messages_each_with_its_own_row(peeking: Peeking) -> None:
    with peeking(count=3) as peek_:
        found = peek_.messages()
    assert [str(one.key) + f" {one.offset}" for one, _ in found] == [beside.text for _, beside in found]
    assert [(one.key.partition, one.offset) for one, _ in found] == [(1, 1), (0, 2), (1, 2)]
    assert [one.value for one, _ in found] == [{"a": 1}, None, None]
    assert [one.problem for one, _ in found] == ["", "it is no Avro", "it is no Avro"]
    assert [one.schema_id for one, _ in found] == [1, None, None]
    assert peeking.kafka.closed


def test_a_tombstone_has_neither_value_nor_problem(peeking: Peeking) -> None:
    [(one, _)] = peeking(partition=1, offset=0, count=1).messages()
    assert (one.raw_value, one.value, one.problem, one.schema_id) == (None, None, "", None)


def test_what_follows_comes_after_what_was_shown(peeking: Peeking) -> None:
    peek_ = peeking(partition=0, offset=0, count=2)
    assert len(peek_.messages()) == 2
    [(one, beside)] = next(peek_.follow())
    assert (one.offset, beside.text) == (2, "orders/0 2")
    newest = peeking()
    newest.messages()
    next(newest.follow())
    assert peeking.kafka.followed == {0: 3, 1: 3}


def test_a_database_that_is_away_takes_nothing_from_the_messages(peeking: Peeking) -> None:
    peeking.rows.trouble = UnreachableError("db:1 does not answer")
    peek_ = peeking(count=1)
    [(_, beside)] = peek_.messages()
    assert beside == Beside(RowState.UNKNOWN, "db:1 does not answer")
    assert peek_.trouble is peeking.rows.trouble


def test_without_a_database_no_row_is_looked_for(peeking: Peeking) -> None:
    url = type(peeking.settings.database_url)("")
    peeking.settings = peeking.settings.model_copy(update={"database_url": url})
    [(_, beside)] = peeking(count=1).messages()
    assert beside == Beside(RowState.UNKNOWN, "no database is set")


def test_what_cannot_be_chosen(peeking: Peeking) -> None:
    with pytest.raises(SettingsError, match="topic orders has no partition 7"):
        peeking(partition=7)
    with pytest.raises(SettingsError, match="--offset needs a partition"):
        peeking(offset=1)
