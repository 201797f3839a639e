"""`verify` against a real topic and a table that was filled by hand, with raw INSERTs: no writer has part in it."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from confluent_kafka import TopicPartition
from sqlalchemy.engine import make_url

from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError, UnreachableError
from supervisor.verify.outcome.report import DifferenceKind, VerifyProgress, VerifyReport
from supervisor.verify.outcome.view import as_json
from supervisor.verify.verify import VerifyOrder, verify
from tests.support.pipeline.filled_topic import FIELDS, PARTITIONS, FilledTopic, registry_at, sample
from tests.support.pipeline.producers import ordered_producer
from workers.contract.errors import SetupError

if TYPE_CHECKING:
    from infra.stack.state import Addresses
    from tests.support.stack.mysql_server import MysqlServer


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
        registry=registry_at(either.stack.schema_registry_url),
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
        ({"registry": registry_at("http://127.0.0.1:1")}, UnreachableError, "127.0.0.1:1"),
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
