"""`rtpipe supervise` on a real broker, registry and database: every row arrives, or is refused by name."""

from __future__ import annotations

import contextlib
import signal
import struct
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic
from sqlalchemy.engine import make_url

from tests.support.faults.database_proxy import Statement, database_proxy
from tests.support.faults.held_rows import locked_offsets
from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.raw_clients import connect
from tests.support.pipeline.supervision import messages_of, running, supervised
from tests.support.pipeline.typed_topic import create_typed, register, typed_pipeline, wire
from tests.support.stack.server_setting import small_packets
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses


CANARY = "hunter2-canary"


METADATA = ("_kafka_partition", "_kafka_offset")


def produce_rows(pipeline: Pipeline, count: int, *, partition: int = 0, key: str = "k", codec: str = "none") -> None:
    """`count` messages to one partition of the first topic, key and sequence as the oracle wants them."""
    producer = ordered_producer(pipeline.addresses.bootstrap_servers, {"compression.type": codec})
    _produce_rows(pipeline, producer, count, partition, key)
    assert producer.flush(30) == 0


def _produce_rows(pipeline: Pipeline, producer: Producer, count: int, partition: int, key: str) -> None:
    topic = pipeline.topics[0]
    for _ in range(count):
        pipeline._sequence[f"{topic} {key}"] += 1
        body = pipeline.body(topic, key, pipeline._sequence[f"{topic} {key}"], "p" * 20)
        producer.produce(topic, body, key, partition=partition)


def test_partitions_that_a_topic_gets_while_it_is_read(stack: Addresses, tmp_path: Path) -> None:
    """From their beginning, what came before anybody knew of them included; in a run that ends they count, too."""
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        [topic] = pipeline.topics
        supervisor = pipeline.supervise(env={"RTPIPE_TOPIC_CHECK_SECONDS": "0.5"})
        produce_rows(pipeline, 10)
        pipeline.wait_caught_up()
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result(30)
        pipeline.partitions = 3
        produce_rows(pipeline, 10, partition=1, key="one")
        produce_rows(pipeline, 10, partition=2, key="two")
        pipeline.wait_caught_up()
        eventually(lambda: running(pipeline) and len(pipeline.status()) == 3, within=30, what="all are shown")
        eventually(lambda: {partition["lag"] for partition in pipeline.status()} == {0}, what="status has heard of it")
        assert {entry["partition"] for entry in pipeline.events("partition_added")} == {f"{topic}/1", f"{topic}/2"}
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        assert pipeline.assert_exact() == 30
        pipeline.query("UPDATE kafka_offsets SET topic_id = 'of another' WHERE topic = %s AND `partition` < 2", topic)
        pipeline.query("DELETE FROM kafka_offsets WHERE topic = %s AND `partition` = 2", topic)
        assert supervised(pipeline) == 76  # a partition without a row is no way around the question of the others
        assert (
            "the stored offsets of the other partitions belong" in messages_of(pipeline, "worker_halted")[f"{topic}/2"]
        )


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(True, id="with metadata columns"),
        pytest.param(False, id="without", marks=pytest.mark.faults),
    ],
)
def test_everything_arrives_once_in_order(stack: Addresses, tmp_path: Path, metadata: bool) -> None:
    with running_pipeline(stack, tmp_path, topics=2, metadata=metadata) as pipeline:
        pipeline.produce(1_000)
        assert supervised(pipeline) == 0
        assert pipeline.assert_exact() == 2_000
        assert supervised(pipeline) == 0  # nothing to do is done at once, and changes nothing
        assert pipeline.assert_exact() == 2_000
        eventually(lambda: not pipeline.processes(), what="no process left")
        assert not pipeline.events("worker_died")
        for topic in pipeline.topics:
            rows = pipeline.query(
                "SELECT epoch, rows_total, leader_epoch, consumer_group FROM kafka_offsets WHERE topic = %s", topic
            )
            assert [row[0] for row in rows] == [2, 2, 2]
            assert sum(row[1] for row in rows) == 1_000
            assert all(row[2] >= 0 for row in rows), "the leader epoch finds a truncated log"
            assert {row[3] for row in rows} == {f"group-{topic}"}
            if metadata:
                found: dict[str, int] = {}
                order = f"SELECT `key`, seq FROM `{topic}` ORDER BY _kafka_partition, _kafka_offset"
                for key, seq in pipeline.query(order):
                    assert seq == found.get(key, 0) + 1
                    found[key] = seq


def test_one_message_alone_many_together_and_a_drain_under_load(stack: Addresses, tmp_path: Path) -> None:
    with (
        running_pipeline(stack, tmp_path, partitions=2) as pipeline,
        database_proxy(stack.database_url) as proxy,  # which counts: the server's own counter is everybody's
    ):
        topic = pipeline.topics[0]
        supervisor = pipeline.supervise(env={"RTPIPE_DATABASE_URL": proxy.url})
        eventually(lambda: running(pipeline), within=60)
        with contextlib.closing(connect(stack.admin_database_url, "bank")) as connection:
            cursor = connection.cursor()
            latencies = []
            for number in range(1, 4):
                produce_rows(pipeline, 1)
                sent = time.monotonic()
                eventually(partial(arrived, cursor, topic, number), what="the row is there")
                latencies.append(time.monotonic() - sent)
            print(f"one message alone: {', '.join(f'{1000 * seconds:.0f} ms' for seconds in latencies)}")

            before = proxy.statements.count(Statement.COMMIT)
            with locked_offsets(pipeline):  # so that all of them are there before any is committed
                pipeline.produce(10_000)
            pipeline.wait_caught_up()
            took = proxy.statements.count(Statement.COMMIT) - before
            print(f"10,000 rows in {took} transactions")
            assert 0 < took < 50

        with pipeline.stream(4_000):
            eventually(lambda: sum(pipeline.offsets(topic).values()) > 11_000, within=60, what="the stream flows")
            supervisor.send_signal(signal.SIGTERM)
            assert supervisor.wait(60) == 0
            eventually(lambda: not pipeline.processes(), what="no process left")
        assert not pipeline.events("worker_died")
        assert supervised(pipeline) == 0
        assert pipeline.assert_exact() > 11_000


def arrived(cursor: Any, topic: str, count: int) -> bool:
    return int(cursor.execute(f"SELECT 1 FROM `{topic}`")) == count


def test_only_a_full_queue_is_backpressure_and_a_second_signal_ends_at_once(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, batch_rows=100, queue_batches=2) as pipeline:
        topic = pipeline.topics[0]
        supervisor = pipeline.supervise()
        eventually(lambda: running(pipeline), within=60)
        with locked_offsets(pipeline):  # a slow database, but the queue has room
            produce_rows(pipeline, 50)
            eventually(lambda: blocked_writers(pipeline), within=30, what="the writer waits for the lock")
        pipeline.wait_caught_up()
        assert not backpressure(pipeline)

        with locked_offsets(pipeline):
            produce_rows(pipeline, 2_000)
            eventually(lambda: pipeline.status()[0]["backpressure"], within=30, what="status shows backpressure")
        pipeline.wait_caught_up()
        activated = f"Backpressure activated and message processing stopped... topic={topic} partition=0"
        resolved = f"Backpressure has been resolved. Resuming message processing... topic={topic} partition=0"
        texts = eventually(lambda: said if (said := backpressure(pipeline))[-1:] == [resolved] else [], what="resolved")
        assert texts == [activated, resolved] * (len(texts) // 2)

        with locked_offsets(pipeline):
            produce_rows(pipeline, 500)
            eventually(lambda: blocked_writers(pipeline), within=30, what="the writer waits for the lock")
            supervisor.send_signal(signal.SIGTERM)
            eventually(lambda: pipeline.events("drain_started"), what="it drains")
            supervisor.send_signal(signal.SIGTERM)
            assert supervisor.wait(30) == 130
            eventually(lambda: not pipeline.processes(), what="no process left")
        assert supervised(pipeline) == 0
        assert pipeline.assert_exact() == 2_550


def backpressure(pipeline: Pipeline) -> list[str]:
    """The WARN lines in the order of the log."""
    found = [line for line in pipeline.entries() if str(line.get("event", "")).startswith("backpressure")]
    assert all(line["level"] == "warning" for line in found)
    return [line["msg"] for line in found]


def blocked_writers(pipeline: Pipeline) -> int:
    """Transactions of its writers that wait for a lock."""
    sql = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE %s"
    return int(pipeline.query(sql, f"UPDATE kafka_offsets %{pipeline.topics[0]}%")[0][0])


@pytest.mark.faults
def test_compressed_and_transactional_producers(stack: Addresses, tmp_path: Path) -> None:
    """F37: partition 1 ends in an aborted transaction's marker, partition 2 holds nothing else, partition 3 nothing."""
    with running_pipeline(stack, tmp_path, partitions=4) as pipeline:
        topic = pipeline.topics[0]
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            produce_rows(pipeline, 25, key=codec, codec=codec)
        producer = ordered_producer(stack.bootstrap_servers, {"transactional.id": str(uuid.uuid4())})
        producer.init_transactions(60)
        for partition, count, commits in ((1, 20, True), (1, 7, False), (1, 5, True), (1, 3, False), (2, 4, False)):
            producer.begin_transaction()
            key = f"{partition} {'committed' if commits else CANARY}"
            _produce_rows(pipeline, producer, count, partition, key)
            assert producer.flush(30) == 0
            (producer.commit_transaction if commits else producer.abort_transaction)(30)
        assert supervised(pipeline) == 0
        assert pipeline.assert_exact() == 125
        assert pipeline.offsets(topic) == {0: 100, 1: 20 + 1 + 7 + 1 + 5 + 1 + 3 + 1, 2: 4 + 1, 3: 0}
        keys = dict(pipeline.query(f"SELECT `key`, COUNT(*) FROM `{topic}` GROUP BY `key`"))
        assert keys == {"gzip": 25, "snappy": 25, "lz4": 25, "zstd": 25, "1 committed": 25}


@pytest.mark.faults
def test_a_log_that_does_not_begin_at_0_and_offsets_that_are_not_in_it(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path) as pipeline:
        topic = pipeline.topics[0]
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})

        def cut(offset: int) -> None:
            for future in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
                future.result(30)

        for partition in range(3):
            produce_rows(pipeline, 30, partition=partition, key=f"key{partition}")
        cut(10)
        assert supervised(pipeline) == 0
        assert pipeline.assert_exact() == 20 + 30 + 30

        for partition in range(3):
            produce_rows(pipeline, 10, partition=partition, key=f"key{partition}")
        cut(35)
        pipeline.query("UPDATE kafka_offsets SET `offset` = 5000 WHERE topic = %s AND `partition` = 1", topic)
        assert supervised(pipeline) == 66
        halted = pipeline.events("worker_halted")
        assert {entry["partition"] for entry in halted} == {f"{topic}/0", f"{topic}/1"}
        texts = messages_of(pipeline, "worker_halted")
        assert texts[f"{topic}/0"].startswith(f"E_OFFSET_GONE {topic}/0")
        assert "stored 30, log is [35,40): 5 records gone" in texts[f"{topic}/0"]
        assert texts[f"{topic}/1"].startswith(f"E_TRUNCATED {topic}/1")
        assert "stored 5000, log ends at 40" in texts[f"{topic}/1"]
        assert all(text.endswith("exiting 66") for text in texts.values())
        assert pipeline.offsets(topic) == {0: 30, 1: 5000, 2: 40}
        counted = dict(pipeline.query(f"SELECT _kafka_partition, COUNT(*) FROM `{topic}` GROUP BY 1"))
        assert counted == {0: 20, 1: 30, 2: 40}
        assert not pipeline.events("worker_died")


def bad_schema(topic: str, *more: dict[str, Any]) -> dict[str, Any]:
    return {**schema_named(topic), "fields": [*schema_named(topic)["fields"], *more]}


def test_a_message_that_is_no_row_stops_its_partition_and_no_other(own_mariadb: Addresses, tmp_path: Path) -> None:
    """F24, F26, F39: a partition for each kind: two good rows, the bad one, a good one that must not arrive."""
    with typed_pipeline(own_mariadb, tmp_path, partitions=11) as pipeline:
        topic = pipeline.topics[0]
        pipeline.settings |= {"evolution": "freeze", "any_subject": True}
        ratio = {"name": "ratio", "type": "double", "default": 0.0}
        schema = bad_schema(topic, ratio)
        schema_id = create_typed(pipeline, schema)
        newer = bad_schema(topic, ratio, {"name": "unforeseen", "type": "string", "default": ""})
        newer_id = register(pipeline, f"{topic}-other", newer)

        def good(**other: Any) -> bytes:
            return wire(schema_id, schema, {"key": "k", "seq": 1, "payload": CANARY, "ratio": 1.5} | other)

        # partition -> bad message, exit code, what the error must say
        bad: dict[int, tuple[bytes | None, int, str]] = {
            0: (f'{{"json": "{CANARY}"}}'.encode(), 65, "look like JSON text"),
            1: (b"\0\0\1", 65, "3 bytes are too short"),
            2: (b"\0" + struct.pack(">I", 999_999) + good()[5:], 65, "999999"),
            3: (good()[:-9], 65, "the body does not decode"),
            4: (good() + CANARY.encode(), 65, f"{len(CANARY)} bytes left over"),
            5: (None, 65, "tombstone"),
            6: (good(key=CANARY * 5), 65, "field key: longer than 64 characters"),
            7: (good(ratio=float("nan")), 65, "field ratio: NaN or infinity"),
            8: (good(payload="\0" * 600_000), 65, "larger than max_allowed_packet 1,048,576"),
            9: (wire(newer_id, newer, {"key": "k", "seq": 1, "payload": "p", "ratio": 1.0}), 5, "unforeseen"),
        }
        for partition in range(11):
            message = bad.get(partition, (good(), 0, ""))[0]
            for value in (good(), good(seq=2), message, good(seq=4)):
                pipeline.send(topic, value, partition=partition)
        with small_packets(pipeline, 1 << 20):
            assert supervised(pipeline) == 65

        said = messages_of(pipeline, "worker_halted")
        assert set(said) == {f"{topic}/{partition}" for partition in bad}
        for partition, (_, code, why) in bad.items():
            text = said[f"{topic}/{partition}"]
            assert why in text, text
            assert f"{topic}/{partition} offset " in text
            assert text.endswith(f"exiting {code}")
            if code == 65:
                assert f"E_DATA {topic}/{partition} offset 2" in text
        assert CANARY not in pipeline.log.read_text()
        assert not pipeline.events("worker_died")
        counted = dict(pipeline.query(f"SELECT _kafka_partition, COUNT(*) FROM `{topic}` GROUP BY 1"))
        offsets = pipeline.offsets(topic)
        assert (counted.pop(10), offsets.pop(10)) == (4, 4)
        assert counted == dict.fromkeys(range(10), 2)
        assert offsets == dict.fromkeys(range(10), 2)


def test_tables_and_topics_that_do_not_fit(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, topics=6, partitions=1, evolution="freeze") as pipeline:
        no_table, no_column, no_insert, my_isam, recreated, fine = pipeline.topics
        pipeline.produce(10)
        pipeline.query(f"DROP TABLE `{no_table}`")
        pipeline.query(f"ALTER TABLE `{no_column}` DROP COLUMN payload")
        user = make_url(stack.database_url).username
        pipeline.query(f"REVOKE INSERT ON bank.`{no_insert}` FROM '{user}'@'%'")
        pipeline.query(f"ALTER TABLE `{my_isam}` ENGINE = MyISAM")
        pipeline.query(
            "INSERT INTO kafka_offsets (topic, `partition`, consumer_group, `offset`, epoch, leader_epoch, rows_total,"
            " dead_total, topic_id) VALUES (%s, 0, %s, 3, 1, 0, 3, 0, 'AAAAAAAAAAAAAAAAAAAAAA')",
            recreated,
            f"group-{recreated}",
        )
        assert supervised(pipeline) == 78
        said = messages_of(pipeline, "worker_halted")
        expected = {
            no_table: ("E_CONFIG", f"table {no_table} does not exist", 78),
            no_column: ("E_EVOLUTION", "add column payload", 5),
            no_insert: ("E_AUTH", "statement not permitted (MySQL 1142)", 77),
            my_isam: ("E_CONFIG", "engine MyISAM, which has no transactions", 78),
            recreated: ("E_TOPIC_ID", "topic id changed AAAAAAAAAAAAAAAAAAAAAA -> ", 76),
        }
        assert set(said) == {f"{topic}/0" for topic in expected}
        for topic, (name, why, code) in expected.items():
            text = said[f"{topic}/0"]
            assert text.startswith(f"{name} ")
            assert why in text
            assert text.endswith(f"exiting {code}")
        for topic in (no_column, no_insert, my_isam, recreated):
            assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(0,)]
        assert pipeline.offsets(recreated) == {0: 3}
        assert {pipeline.offsets(topic).get(0, 0) for topic in (no_table, no_column, no_insert, my_isam)} == {0}
        pipeline.topics = [fine]
        assert pipeline.assert_exact() == 10
        assert not pipeline.events("worker_died")


@pytest.mark.faults
def test_a_topic_made_again_between_two_runs(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(10)
        assert supervised(pipeline) == 0
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        for future in admin.delete_topics([topic], operation_timeout=30).values():
            future.result(30)

        def made_again() -> bool:
            for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
                return future.exception(30) is None
            return False

        eventually(made_again, within=30)
        pipeline.produce(20)
        assert supervised(pipeline) == 76
        assert f"E_TOPIC_ID {topic}/0: topic id changed" in messages_of(pipeline, "worker_halted")[f"{topic}/0"]
        assert pipeline.offsets(topic) == {0: 10}
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(10,)]


def test_a_refused_account_halts_and_shows_no_password(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        topic, user = pipeline.topics[0], f"u{uuid.uuid4().hex[:10]}"
        pipeline.produce(10)
        pipeline.query(f"CREATE USER '{user}'@'%%' IDENTIFIED BY '{CANARY}'", *())
        where = make_url(stack.database_url)
        wrong = where.set(password=f"{CANARY}-wrong").render_as_string(hide_password=False)
        assert supervised(pipeline, env={"RTPIPE_DATABASE_URL": wrong}) == 77
        said = pipeline.log.read_text()
        assert "E_AUTH" in said
        assert "user or password refused (MySQL 1045)" in said

        pipeline.query(f"GRANT SELECT, INSERT ON bank.`{topic}` TO '{user}'@'%%'", *())
        ungranted = where.set(username=user, password=CANARY).render_as_string(hide_password=False)
        assert supervised(pipeline, env={"RTPIPE_DATABASE_URL": ungranted}) == 78
        said = messages_of(pipeline, "worker_halted")[f"{topic}/0"]
        assert "table kafka_offsets does not exist, or the account may not see it" in said
        assert CANARY not in pipeline.log.read_text()
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(0,)]
