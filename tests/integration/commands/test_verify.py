"""`verify` against a real topic and a table that was filled by hand, with raw INSERTs: no writer has part in it."""

from __future__ import annotations

import contextlib
import datetime
import io
import itertools
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fastavro
import pymysql
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateTable

from avro_schemas.avro.wire_format import pack
from avro_schemas.naming import group_for
from avro_schemas.registry.client import Registry
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from avro_schemas.tables.rules import TableRules
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError, UnreachableError
from supervisor.verify.outcome.report import DifferenceKind, VerifyProgress, VerifyReport
from supervisor.verify.outcome.view import as_json
from supervisor.verify.verify import VerifyOrder, verify
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.raw_clients import connect
from workers.contract.errors import SetupError

if TYPE_CHECKING:
    from infra.stack.state import Addresses
    from tests.support.stack.mysql_server import MysqlServer

PARTITIONS = 3
PLACES = ("_kafka_partition", "_kafka_offset")
FIELDS: list[tuple[str, Any]] = [
    ("key_field", "string"),
    ("count", "long"),
    ("small", "int"),
    ("flag", "boolean"),
    ("ratio", "float"),
    ("exact", "double"),
    ("amount", {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 2}),
    ("day", {"type": "int", "logicalType": "date"}),
    ("clock", {"type": "long", "logicalType": "time-micros"}),
    ("ms", {"type": "long", "logicalType": "timestamp-millis"}),
    ("us", {"type": "long", "logicalType": "timestamp-micros"}),
    ("id", {"type": "string", "logicalType": "uuid"}),
    ("raw", "bytes"),
    ("code", {"type": "fixed", "name": "code_t", "size": 4}),
    ("word", ["null", {"type": "string", "maxLength": 20}]),
    ("price", [{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}, "null"]),
]
#: What a hand might write into a column: SQL that differs from every value of `sample`.
CHANGES = {
    "key_field": "'somebody else'",
    "count": "`count` + 1",
    "small": "`small` - 1",
    "flag": "1 - flag",
    "ratio": "-ratio",
    "exact": "IF(exact = 0, 5e-324, -exact)",
    "amount": "amount + 0.01",
    "day": "day + INTERVAL 1 DAY",
    "clock": "SUBTIME(clock, '00:00:00.000001')",
    "ms": "ms + INTERVAL 1000 MICROSECOND",
    "us": "us - INTERVAL 1 MICROSECOND",
    "id": "'00000000-0000-4000-8000-000000000000'",
    "raw": "CONCAT(raw, 0x00)",
    "code": "0x00000000",
    "word": "CONCAT(COALESCE(word, ''), ' ')",
    "price": "COALESCE(price, 0) + 0.001",
}
names = (f"verified-{uuid.uuid4().hex[:8]}" for _ in itertools.count())


def sample(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(record for fastavro, values for the driver)."""
    rng = random.Random(number)
    micros = rng.choice([rng.randrange(86_400_000_000), -1_500_001, 90_000_000_007])
    seen = rng.randrange(-(10**15), 4 * 10**15)
    record: dict[str, Any] = {
        "key_field": f"key-{number % 7}-ä€𝄞'\\",
        "count": rng.choice([rng.randrange(-(1 << 63), 1 << 63), 0, -(1 << 63)]),
        "small": rng.randrange(1 - (1 << 31), 1 << 31),
        "flag": rng.random() < 0.5,
        "ratio": rng.choice([16_777_217.0, 0.1, 3.4e38, rng.uniform(-1, 1)]),
        "exact": rng.choice([5e-324, 1.7976931348623157e308, 0.1 + 0.2, -0.0, rng.random()]),
        "amount": Decimal(rng.randrange(-(10**35), 10**35)).scaleb(-2),
        "day": rng.randrange(-700_000, 2_900_000),
        "clock": micros,
        "ms": seen // 1000,
        "us": seen,
        "id": str(uuid.UUID(int=rng.getrandbits(128))),
        "raw": rng.randbytes(rng.randrange(9)),
        "code": rng.randbytes(4),
        "word": rng.choice([None, "", "NULL", "x\x00\n\t"]),
        "price": rng.choice([None, Decimal("0.000"), Decimal("-999999.999")]),
    }
    epoch = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 -- DATETIME has no zone
    total, fraction = divmod(abs(micros), 1_000_000)
    values = {
        **record,
        "day": (epoch + datetime.timedelta(days=record["day"])).date(),
        "clock": f"{'-' if micros < 0 else ''}{total // 3600}:{total // 60 % 60}:{total % 60}.{fraction:06}",
        "ms": epoch + datetime.timedelta(milliseconds=record["ms"]),
        "us": epoch + datetime.timedelta(microseconds=record["us"]),
    }
    return record, values


@dataclass
class FilledTopic:
    """A topic and its table, filled side by side; `rows` are the driver's values with partition and offset."""

    stack: Addresses
    topic: str
    placed: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kafka: dict[str, Any] = {"bootstrap.servers": self.stack.bootstrap_servers}
        self.admin = AdminClient(self.kafka)
        self.admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])[self.topic].result()
        schema = {"type": "record", "name": "row", "fields": [{"name": n, "type": t} for n, t in FIELDS]}
        self.schema = fastavro.parse_schema(schema)
        with contextlib.closing(Registry(self.stack.schema_registry_url)) as registry:
            self.header = pack(registry.register(f"{self.topic}-value", schema))
        layout = table_layout(schema, table=self.topic, rules=TableRules(metadata=PLACES if self.placed else ()))
        engine = create_engine(self.stack.infra_database_url)
        layout.table.create(engine)
        with engine.begin() as connection:
            for table in (OFFSETS, DEAD_LETTERS):  # another test may make them at the same time
                connection.execute(CreateTable(table, if_not_exists=True))
        engine.dispose()

    def encoded(self, record: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.schema, record)
        return self.header + out.getvalue()

    def send(self, *messages: bytes | None, **settings: Any) -> list[tuple[int, int]]:
        """Where each message went, in their order."""
        producer = ordered_producer(self.stack.bootstrap_servers, settings)
        places: dict[int, tuple[int, int]] = {}

        def told(number: int) -> Callable[[Any, Any], None]:
            return lambda _, message: places.update({number: (message.partition(), message.offset())})

        for number, message in enumerate(messages):
            producer.produce(self.topic, message, partition=number % PARTITIONS, on_delivery=told(number))
        producer.flush(30)
        return [places[number] for number in range(len(messages))]

    def fill(self, numbers: range | list[int]) -> None:
        """Messages into the topic, their rows into the table, the offsets into kafka_offsets."""
        made = [sample(number) for number in numbers]
        places = self.send(*(self.encoded(record) for record, _ in made))
        for (_, values), place in zip(made, places, strict=True):
            self.rows.append({**values, **dict(zip(PLACES, place, strict=True))})
        self.insert(self.rows[-len(made) :])
        for partition in range(PARTITIONS):
            mine = [row for row in self.rows if row[PLACES[0]] == partition]
            self.store(partition, max((row[PLACES[1]] for row in mine), default=-1) + 1, rows_total=len(mine))

    def insert(self, rows: list[dict[str, Any]]) -> None:
        names = [*(name for name, _ in FIELDS), *(PLACES if self.placed else ())]
        columns = ", ".join(f"`{name}`" for name in names)
        marks = ", ".join(["%s"] * len(names))
        self.sql(*((f"INSERT INTO `{self.topic}` ({columns}) VALUES ({marks})", [r[n] for n in names]) for r in rows))

    def store(self, partition: int, offset: int, *, rows_total: int, dead_total: int = 0) -> None:
        columns = "topic, `partition`, consumer_group, `offset`, rows_total, dead_total"
        values = [self.topic, partition, group_for(self.topic), offset, rows_total, dead_total]
        self.sql((f"REPLACE INTO kafka_offsets ({columns}) VALUES (%s, %s, %s, %s, %s, %s)", values))

    def add_letter(self, partition: int, offset: int, value: bytes | None) -> None:
        columns = "topic, `partition`, consumer_group, topic_id, `offset`, value, error_name, error_text, table_name"
        values = [self.topic, partition, group_for(self.topic), "id", offset, value, "E_DECODE", "why", self.topic]
        marks = ", ".join(["%s"] * len(values))
        self.sql(
            ("UPDATE kafka_offsets SET topic_id = 'id' WHERE topic = %s", [self.topic]),
            (f"INSERT INTO {DEAD_LETTERS.name} ({columns}, written_at) VALUES ({marks}, UTC_TIMESTAMP(6))", values),
        )

    def sql(self, *statements: tuple[str, list[Any]]) -> list[int]:
        """Run as root; the rows that each changed."""
        with connect(self.stack.admin_database_url, "bank") as connection, connection.cursor() as cursor:
            return [cursor.execute(*statement) for statement in statements]

    def change(self, statement: str, row: dict[str, Any]) -> None:
        """Run a statement on the one row with these `id`."""
        assert self.sql((f"{statement} WHERE id = %s LIMIT 1", [row["id"]])) == [1]

    def verify(self, *, values: bool = True, **settings: Any) -> VerifyReport:
        order = {
            "kafka": self.kafka,
            "registry_url": self.stack.schema_registry_url,
            "database_url": self.stack.infra_database_url,
            "topics": (self.topic,),
            "values": values,
        }
        return verify(VerifyOrder(**{**order, **settings}))

    def place(self, row: dict[str, Any]) -> tuple[int, int]:
        return row[PLACES[0]], row[PLACES[1]]


def found(report: VerifyReport) -> list[tuple[DifferenceKind, int | None, int | None]]:
    return [(each.kind, each.partition, each.offset) for topic in report.topics for each in topic.differences]


@pytest.fixture(params=[False, True], ids=["plain", "placed"])
def either(stack: Addresses, request: pytest.FixtureRequest) -> FilledTopic:
    pipeline = FilledTopic(stack, next(names), placed=request.param)
    pipeline.fill(range(60))
    return pipeline


@pytest.fixture
def plain(stack: Addresses) -> FilledTopic:
    pipeline = FilledTopic(stack, next(names))
    pipeline.fill(range(60))
    return pipeline


def test_equal_is_equal(either: FilledTopic) -> None:
    seen: list[VerifyProgress] = []
    report = either.verify()
    assert report.ok, as_json(report)
    assert either.verify(values=False).ok
    topic = report.topics[0]
    assert (topic.messages_read, topic.rows_in_table, topic.rows_total, topic.lag) == (60, 60, 60, 0)
    assert topic.notes == ()
    order = VerifyOrder(
        kafka=either.kafka,
        registry_url=either.stack.schema_registry_url,
        database_url=either.stack.infra_database_url,
        topics=(either.topic,),
        values=True,
    )
    verify(order, progress=seen.append)
    ends = {each.stage: (each.done, each.total) for each in seen}
    assert ends == {"messages": (60, 60), "rows": (60, 60)}


def test_deleted_row_is_named(either: FilledTopic) -> None:
    lost = either.rows[17]
    either.change(f"DELETE FROM `{either.topic}`", lost)
    counted = either.verify(values=False)
    assert not counted.ok
    assert [(each.kind, each.expected, each.found) for each in counted.topics[0].differences] == [
        (DifferenceKind.ROW_COUNT, 60, 59)
    ]
    assert found(either.verify()) == [(DifferenceKind.MISSING, *either.place(lost))]


def test_doubled_row_is_named(plain: FilledTopic) -> None:
    plain.insert([plain.rows[23]])
    assert found(plain.verify(values=False)) == [(DifferenceKind.ROW_COUNT, None, None)]
    assert found(plain.verify()) == [(DifferenceKind.EXTRA, *plain.place(plain.rows[23]))]


def test_every_altered_column_is_named_with_both_values(either: FilledTopic) -> None:
    alter_every_column(either)


@pytest.mark.faults
def test_mysql_is_read_as_well_as_mariadb(stack: Addresses, mysql: MysqlServer) -> None:
    connection = pymysql.connect(host=mysql.host, port=mysql.port, user="root")
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS bank")
    url = mysql.admin_url + "bank"
    pipeline = FilledTopic(replace(stack, infra_database_url=url, admin_database_url=url), next(names))
    pipeline.fill(range(60))
    report = pipeline.verify()
    assert report.ok, as_json(report)
    alter_every_column(pipeline)


def alter_every_column(pipeline: FilledTopic) -> None:
    """One column in each of some rows: the report names each with both values."""
    altered = dict(zip(CHANGES, pipeline.rows, strict=False))
    for column, change in CHANGES.items():
        pipeline.change(f"UPDATE `{pipeline.topic}` SET `{column}` = {change}", altered[column])
    assert set(CHANGES) == {name for name, _ in FIELDS}
    assert pipeline.verify(values=False).ok, "counts alone cannot see it"
    report = pipeline.verify()
    assert report.topics[0].counts == {DifferenceKind.ALTERED: len(CHANGES)}
    told = {(each.column, each.partition, each.offset) for each in report.topics[0].differences}
    assert told == {(column, *pipeline.place(row)) for column, row in altered.items()}
    for each in report.topics[0].differences:
        assert each.column is not None
        assert each.expected[each.column] != each.found[each.column]


def test_a_row_at_the_wrong_offset_is_found(stack: Addresses) -> None:
    pipeline = FilledTopic(stack, next(names), placed=True)
    pipeline.fill(range(6))
    pipeline.change(f"UPDATE `{pipeline.topic}` SET _kafka_offset = 1000", pipeline.rows[0])
    assert found(pipeline.verify()) == [(DifferenceKind.MISSING, 0, 0), (DifferenceKind.EXTRA, 0, 1000)]


def test_equal_messages_ask_for_equally_many_rows(stack: Addresses) -> None:
    pipeline = FilledTopic(stack, next(names))
    pipeline.fill([1, 2, 1, 1, 3])
    assert pipeline.verify().ok
    pipeline.insert([pipeline.rows[0]])
    assert found(pipeline.verify()) == [(DifferenceKind.EXTRA, *pipeline.place(pipeline.rows[0]))]
    for _ in range(2):
        pipeline.change(f"DELETE FROM `{pipeline.topic}`", pipeline.rows[0])
    report = pipeline.verify()
    assert report.topics[0].counts == {DifferenceKind.MISSING: 1}
    assert "or of a message equal to it" in report.topics[0].differences[0].text


def test_one_row_lost_and_another_doubled_is_no_balance(plain: FilledTopic) -> None:
    plain.change(f"DELETE FROM `{plain.topic}`", plain.rows[3])
    plain.insert([plain.rows[4]])
    assert plain.verify(values=False).ok, "counts alone cannot see it"
    assert found(plain.verify()) == [
        (DifferenceKind.MISSING, *plain.place(plain.rows[3])),
        (DifferenceKind.EXTRA, *plain.place(plain.rows[4])),
    ]


def test_many_differences_are_counted_and_some_listed(plain: FilledTopic) -> None:
    plain.sql((f"UPDATE `{plain.topic}` SET flag = 1 - flag", []))
    report = plain.verify(listed=5)
    assert report.topics[0].counts == {DifferenceKind.ALTERED: 60}
    assert len(report.topics[0].differences) == 5
    plain.sql((f"DELETE FROM `{plain.topic}`", []))
    assert plain.verify(listed=5).topics[0].counts == {DifferenceKind.MISSING: 60}


def test_what_is_not_consumed_is_told(plain: FilledTopic) -> None:
    record, _ = sample(1)
    plain.send(plain.encoded(record))
    for values in (False, True):
        report = plain.verify(values=values)
        assert found(report) == [(DifferenceKind.NOT_CONSUMED, 0, 20)], "what is consumed is equal"
        assert report.topics[0].lag == 1
    assert found(plain.verify(groups={plain.topic: "another"}, values=False))[:3] == [
        (DifferenceKind.NOT_CONSUMED, partition, None) for partition in range(PARTITIONS)
    ]


def test_offsets_beyond_the_end_are_told(plain: FilledTopic) -> None:
    plain.store(1, 25, rows_total=20)
    plain.store(7, 4, rows_total=0)
    assert found(plain.verify()) == [(DifferenceKind.BEYOND_END, 1, 20), (DifferenceKind.BEYOND_END, 7, None)]


def test_more_rows_counted_than_offsets_is_told(plain: FilledTopic) -> None:
    plain.insert(plain.rows[:3])
    plain.store(0, 20, rows_total=23)
    assert found(plain.verify(values=False)) == [(DifferenceKind.OVERCOUNTED, 0, None)]


def test_deleted_messages_leave_rows_that_cannot_be_checked(either: FilledTopic) -> None:
    either.admin.delete_records([TopicPartition(either.topic, 0, 8)])[TopicPartition(either.topic, 0, 8)].result()
    report = either.verify()
    assert report.ok, as_json(report)
    assert report.topics[0].messages_read == 52
    assert "begins at offset 8" in report.topics[0].notes[0]
    altered = next(row for row in either.rows if either.place(row) == (0, 9))
    either.change(f"UPDATE `{either.topic}` SET `count` = 7", altered)
    assert found(either.verify()) == [(DifferenceKind.ALTERED, 0, 9)]


def test_only_committed_transactions_count(stack: Addresses) -> None:
    pipeline = FilledTopic(stack, next(names))
    pipeline.fill(range(9))
    record, values = sample(100)
    producer = ordered_producer(pipeline.stack.bootstrap_servers, {"transactional.id": pipeline.topic})
    producer.init_transactions(30)
    for commit in (False, True):
        producer.begin_transaction()
        producer.produce(pipeline.topic, pipeline.encoded(record), partition=0)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    pipeline.insert([values])
    pipeline.store(0, 3 + 4, rows_total=4)  # two messages, each with a marker behind it
    assert pipeline.verify().ok
    producer.begin_transaction()
    producer.produce(pipeline.topic, pipeline.encoded(record), partition=0)
    producer.flush(30)
    report = pipeline.verify()
    assert report.ok, "an open transaction is nobody's to consume yet"
    assert report.topics[0].partitions[0].high == 7
    producer.abort_transaction(30)


def test_messages_that_cannot_be_decoded_are_named_unless_they_are_dead_letters(plain: FilledTopic) -> None:
    good = plain.encoded(sample(1)[0])
    plain.send(b"no avro", good, good + b"!")
    plain.send(None)
    plain.insert([sample(1)[1]])
    plain.store(0, 22, rows_total=20)
    plain.store(1, 21, rows_total=21)
    plain.store(2, 21, rows_total=20)
    assert sorted(found(plain.verify())) == [
        (DifferenceKind.UNREADABLE, 0, 20),
        (DifferenceKind.UNREADABLE, 0, 21),
        (DifferenceKind.UNREADABLE, 2, 20),
    ]
    plain.store(0, 22, rows_total=20, dead_total=2)
    plain.store(2, 21, rows_total=20, dead_total=1)
    assert len(found(plain.verify())) == 3  # counted, but no letter is there
    for partition, offset, value in ((0, 20, b"no avro"), (0, 21, None), (2, 20, good + b"!")):
        plain.add_letter(partition, offset, value)
    assert plain.verify().ok


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"topics": ("no-such-topic",)}, SetupError, "topic no-such-topic does not exist"),
        ({"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "connect_timeout": 1.0}, UnreachableError, "127.0.0.1:1"),
        ({"database_url": "mysql+pymysql://a:secret@127.0.0.1:1/bank"}, UnreachableError, "127.0.0.1:1/bank"),
        ({"registry_url": "http://127.0.0.1:1"}, UnreachableError, "127.0.0.1:1"),
        ({"tables": {}}, SettingsError, "missing"),
    ],
)
def test_a_check_that_cannot_be_made_is_an_error(
    stack: Addresses, settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    pipeline = FilledTopic(stack, next(names))
    tables = {pipeline.topic: "nowhere"} if "tables" in settings else {}
    with pytest.raises(error, match=text) as caught:
        pipeline.verify(**{**settings, "tables": tables})
    assert "secret" not in str(caught.value)


def test_a_refused_password_is_told(stack: Addresses) -> None:
    pipeline = FilledTopic(stack, next(names))
    url = make_url(stack.infra_database_url).set(password="not this one").render_as_string(hide_password=False)
    with pytest.raises(AccessDeniedError, match="refused access"):
        pipeline.verify(database_url=url)
