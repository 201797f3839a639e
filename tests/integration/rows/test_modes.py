"""Rows by key: the table is a fold of the topic, also through tombstones, refused rows and keys of every form."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from tests.support.pipeline.dead_letters import dead_letters_of
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.raw_headers import send_with_header
from tests.support.pipeline.supervision import messages_of, supervised
from tests.support.pipeline.typed_topic import register
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline

UPSERT: dict[str, Any] = {"metadata": False, "on_error": "dead_letter", "mode": "upsert", "key": ["key"]}
Change = tuple[str, int | None]  # key, seq; no seq: a tombstone


def send(pipeline: Pipeline, changes: list[Change], *, partitions: int = 1) -> None:
    topic = pipeline.topics[0]
    producer = ordered_producer(pipeline.addresses.bootstrap_servers, {"linger.ms": 5})
    for key, seq in changes:
        value = None if seq is None else pipeline.body(topic, key, seq, f"payload {seq}")
        producer.produce(topic, value, key, partition=sum(key.encode()) % partitions)
        producer.poll(0)
    assert producer.flush(60) == 0


def folded(changes: list[Change]) -> dict[str, int]:
    """Key -> the last seq; keys that end with a tombstone are gone."""
    rows: dict[str, int] = {}
    for key, seq in changes:
        if seq is None:
            rows.pop(key, None)
        else:
            rows[key] = seq
    return rows


def random_changes(chance: random.Random, count: int, keys: int) -> list[Change]:
    names = [f"{'Kk'[n % 2]}{n // 2}{' ' * (n % 3)}" for n in range(keys)]  # keys that other collations fold or pad
    return [(chance.choice(names), None if chance.random() < 0.2 else seq) for seq in range(count)]


def test_the_table_is_a_fold_of_the_topic(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=3, tombstones="delete", **UPSERT) as pipeline:
        topic = pipeline.topics[0]
        changes: list[Change] = []
        for seed in range(2):  # the second time most keys have a row already
            more = random_changes(random.Random(seed), 3_000, 60)
            send(pipeline, more, partitions=3)
            changes += more
            assert supervised(pipeline) == 0
            assert dict(pipeline.query(f"SELECT `key`, seq FROM `{topic}`")) == folded(changes)
            verified = pipeline.run("verify", "--topics", topic, "--values")
            assert verified.returncode == 0, verified.stdout + verified.stderr
        pipeline.query(f"UPDATE `{topic}` SET seq = seq + 1 ORDER BY seq LIMIT 1")
        assert pipeline.run("verify", "--topics", topic, "--values").returncode == 3
        pipeline.query(f"DELETE FROM `{topic}` ORDER BY seq LIMIT 1")
        assert pipeline.run("verify", "--topics", topic, "--values").returncode == 3


@pytest.mark.faults
def test_soft_deletion_keeps_the_last_values(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, tombstones="soft_delete", **UPSERT) as pipeline:
        topic = pipeline.topics[0]
        send(pipeline, [("a", 1), ("b", 1), ("a", None), ("c", 1), ("c", None), ("c", 2), ("d", None)])
        assert supervised(pipeline) == 0
        select = f"SELECT `key`, seq, _deleted FROM `{topic}` ORDER BY 1"
        assert pipeline.query(select) == [("a", 1, 1), ("b", 1, 0), ("c", 2, 0)]
        send(pipeline, [("a", 2), ("b", None), ("c", 3), ("c", None)])
        assert supervised(pipeline) == 0
        assert pipeline.query(select) == [("a", 2, 0), ("b", 1, 1), ("c", 3, 1)]
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        pipeline.query(f"UPDATE `{topic}` SET _deleted = 0 WHERE `key` = 'b'")
        assert pipeline.run("verify", "--topics", topic, "--values").returncode == 3


@pytest.mark.faults
def test_a_row_that_is_refused_leaves_what_came_before_it(database: Addresses, tmp_path: Path) -> None:
    """The bad one is the last of its key in the batch, after a good one; or after a tombstone; or alone."""
    with running_pipeline(database, tmp_path, partitions=1, tombstones="delete", **UPSERT) as pipeline:
        topic = pipeline.topics[0]
        pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_c` CHECK (seq < 4711)")
        send(pipeline, [("gone", 1), ("kept", 1), ("late", 1)])
        assert supervised(pipeline) == 0
        send(pipeline, [("good", 1), ("good", 2), ("good", 5_000), ("gone", None), ("gone", 5_001)])
        send(pipeline, [("kept", 5_002), ("new", 5_003), ("late", 5_004), ("late", 3)])
        assert supervised(pipeline) == 0
        rows = dict(pipeline.query(f"SELECT `key`, seq FROM `{topic}`"))
        assert rows == {"good": 2, "kept": 1, "late": 3}
        assert sorted(dead_letters_of(pipeline, topic)) == [5, 7, 8, 9]  # the one that was replaced was never tried
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def test_tombstones_without_a_key_that_is_one_are_dead_letters(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, tombstones="delete", **UPSERT) as pipeline:
        topic = pipeline.topics[0]
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        producer.produce(topic, None, None, partition=0)
        producer.produce(topic, None, b"\xff", partition=0)
        producer.produce(topic, pipeline.body(topic, "k", 1, "x"), None, partition=0)
        assert producer.flush(30) == 0
        assert supervised(pipeline) == 0
        assert {at: row["error_name"] for at, row in dead_letters_of(pipeline, topic).items()} == {
            0: "E_KEY",
            1: "E_KEY",
        }
        assert pipeline.query(f"SELECT `key`, seq FROM `{topic}`") == [("k", 1)]


@pytest.mark.parametrize(("form", "pack"), [("int", ">i"), ("long", ">q")])
def test_keys_of_numbers(stack: Addresses, tmp_path: Path, form: str, pack: str) -> None:
    settings = UPSERT | {"key": ["seq"], "key_format": form, "tombstones": "delete"}
    with running_pipeline(stack, tmp_path, partitions=1, **settings) as pipeline:
        topic = pipeline.topics[0]
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        for key, number in (("a", 7), ("b", -8), ("c", 9)):
            producer.produce(topic, pipeline.body(topic, key, number, "x"), struct.pack(pack, number), partition=0)
        for number in (-8, 9):
            producer.produce(topic, None, struct.pack(pack, number), partition=0)
        producer.produce(topic, None, b"\0", partition=0)
        assert producer.flush(30) == 0
        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT `key` FROM `{topic}`") == [("a",)]
        assert list(dead_letters_of(pipeline, topic)) == [5]


def test_keys_that_are_avro_records(database: Addresses, tmp_path: Path) -> None:
    settings = UPSERT | {"key": ["seq", "key"], "key_format": "avro", "tombstones": "delete"}
    with running_pipeline(database, tmp_path, partitions=1, **settings) as pipeline:
        topic = pipeline.topics[0]
        fields = [{"name": "key", "type": ["null", "string"]}, {"name": "seq", "type": "int"}]
        schema = {"type": "record", "name": "k", "fields": fields}
        schema_id = register(pipeline, f"{topic}-key", schema)
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        rows: list[dict[str, Any]] = [{"key": "a", "seq": 1}, {"key": "a", "seq": 2}, {"key": "b'\\", "seq": 1}]
        for number, key in enumerate((*rows, *rows[1:], {"key": None, "seq": 1})):
            out = io.BytesIO(b"\0" + schema_id.to_bytes(4, "big"))
            out.seek(5)
            fastavro.schemaless_writer(out, schema, key)
            value = pipeline.body(topic, key["key"], key["seq"], "x") if number < len(rows) else None
            producer.produce(topic, value, out.getvalue(), partition=0)
        producer.produce(topic, None, b"\0\0\0\0\1", partition=0)
        assert producer.flush(30) == 0
        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT `key`, seq FROM `{topic}`") == [("a", 1)]
        assert list(dead_letters_of(pipeline, topic)) == [5, 6]


def test_keys_of_another_serializer_are_told_and_read_once_the_setting_is_right(
    database: Addresses, tmp_path: Path
) -> None:
    settings = UPSERT | {"key": ["seq", "key"], "tombstones": "delete", "key_format": "avro"}
    with running_pipeline(database, tmp_path, partitions=1, **settings) as pipeline:
        topic = pipeline.topics[0]
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        for name in ("gone", "kept"):
            producer.produce(
                topic, pipeline.body(topic, name, 1, "x"), json.dumps({"key": name, "seq": 1}), partition=0
            )
        producer.produce(topic, None, json.dumps({"key": "gone", "seq": 1}), partition=0)
        assert producer.flush(30) == 0
        assert supervised(pipeline) == 0
        assert {at: row["error_name"] for at, row in dead_letters_of(pipeline, topic).items()} == {2: "E_KEY"}
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(2,)]
        [warning] = [event["msg"] for event in pipeline.events("key_format")]
        assert f"W_KEY_FORMAT {topic}/0 offset 0" in warning
        assert 'set key_format = "json"' in warning
        toml = pipeline.directory / "rtpipe.toml"
        toml.write_text(toml.read_text().replace('"avro"', '"json"'))
        retried = pipeline.run("dead-letters", "retry", "--topics", topic, "--force")
        assert retried.returncode == 0, retried.stdout + retried.stderr
        assert pipeline.query(f"SELECT `key` FROM `{topic}`") == [("kept",)]
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        toml.write_text(toml.read_text().replace('"json"', '"connect_struct"'))
        wrong = pipeline.run("verify", "--topics", topic, "--values")
        assert wrong.returncode == 3
        assert "looks like JSON text" in wrong.stdout


def test_keys_of_another_serializer_are_seen_in_the_status_also_after_a_restart(
    stack: Addresses, tmp_path: Path
) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, tombstones="delete", **UPSERT) as pipeline:
        topic = pipeline.topics[0]
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        supervisor = pipeline.supervise()

        def warned() -> dict[str, Any]:
            partition = (pipeline.status() or [{"warning": ""}])[0]
            assert 'set key_format = "json"' in partition["warning"], partition
            assert partition["state"] == "running"
            return partition

        def agreed() -> bool:
            return [(one["state"], one["warning"]) for one in pipeline.status()] == [("running", "")]

        producer.produce(topic, pipeline.body(topic, "a", 1, "x"), json.dumps({"key": "a"}), partition=0)
        assert producer.flush(30) == 0
        before = eventually(warned, within=60, what="the warning is in the status")
        kill(before["writer_pid"])
        eventually(
            lambda: warned()["restarts"] == 1, within=60, what="the next generation runs, and the warning is there"
        )
        assert "W_KEY_FORMAT: " in pipeline.run("status").stdout
        producer.produce(topic, pipeline.body(topic, "b", 2, "x"), "b", partition=0)
        assert producer.flush(30) == 0
        eventually(agreed, within=60, what="the generation saw keys that are those of their rows")
        supervisor.terminate()
        assert supervisor.wait(60) == 0


@pytest.mark.faults
def test_another_unique_index_is_refused(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, **UPSERT) as pipeline:
        topic = pipeline.topics[0]
        send(pipeline, [("a", 1)])
        pipeline.query(f"CREATE UNIQUE INDEX other ON `{topic}` (seq)")
        assert supervised(pipeline) == 78
        assert "another unique index (other)" in messages_of(pipeline, "worker_halted")[f"{topic}/0"]
        pipeline.query(f"ALTER TABLE `{topic}` DROP INDEX other")
        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(1,)]


def test_metadata_columns_say_where_a_row_came_from(database: Addresses, tmp_path: Path) -> None:
    names = ["_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_schema_id", "_kafka_key", "_kafka_headers"]
    with running_pipeline(database, tmp_path, partitions=1, metadata=False, metadata_columns=names) as pipeline:
        topic = pipeline.topics[0]
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        headers: Any = [("a\"'\\\n", b"\xff"), ("none", None)]
        body = pipeline.body(topic, "k", 1, "x")
        producer.produce(topic, body, b"k'\\\0\xff", partition=0, timestamp=1_700_000_000_123, headers=headers)
        producer.produce(topic, body, None, partition=0, timestamp=1_700_000_000_000)
        assert producer.flush(30) == 0
        assert supervised(pipeline) == 0
        rows = pipeline.query(f"SELECT {', '.join(names)} FROM `{topic}` ORDER BY _kafka_offset")
        [[schema_id]] = {row[3:4] for row in rows}
        assert schema_id == int.from_bytes(body[1:5], "big")
        assert [(*row[:2], str(row[2]), row[4]) for row in rows] == [
            (0, 0, "2023-11-14 22:13:20.123000", b"k'\\\0\xff"),
            (0, 1, "2023-11-14 22:13:20", None),
        ]
        assert json.loads(rows[0][5]) == [["a\"'\\\n", base64.b64encode(b"\xff").decode()], ["none", None]]
        assert rows[1][5] is None
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("wanted", [False, True])
def test_a_header_name_that_is_no_utf8_stops_nothing(stack: Addresses, tmp_path: Path, wanted: bool) -> None:
    """A row, unless the headers should be in it; the client can give none of them."""
    names = ["_kafka_headers"] if wanted else []
    settings: dict[str, Any] = {"metadata": False, "metadata_columns": names, "on_error": "dead_letter"}
    with running_pipeline(stack, tmp_path, partitions=1, **settings) as pipeline:
        topic = pipeline.topics[0]
        servers = pipeline.addresses.bootstrap_servers
        send_with_header(servers, topic, pipeline.body(topic, "odd", 1, "x"), b"\xff\xfe")
        send_with_header(servers, topic, pipeline.body(topic, "good", 2, "x"), b"name")
        assert supervised(pipeline) == 0
        rows = [row[0] for row in pipeline.query(f"SELECT `key` FROM `{topic}` ORDER BY seq")]
        assert rows == (["good"] if wanted else ["odd", "good"])
        found = {at: (row["error_name"], row["headers"]) for at, row in dead_letters_of(pipeline, topic).items()}
        assert found == ({0: ("E_VALUE", None)} if wanted else {})
        assert not pipeline.events("worker_died")
