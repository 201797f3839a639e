"""`rtpipe try`: it says what becomes of messages, which then becomes of them, and nothing of it stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.supervision import supervised
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses

pytestmark = pytest.mark.both_servers


def tried(pipeline: Pipeline, *words: str, code: int = 0) -> Any:
    answer = pipeline.run("try", "--topics", ",".join(pipeline.topics), "--json", *words)
    assert answer.returncode == code, answer.stdout + answer.stderr
    [topic] = json.loads(answer.stdout)["topics"]
    return topic


def kept(pipeline: Pipeline) -> dict[str, Any]:
    """All that the database has of the pipeline: its tables with their rows, its offsets, its dead letters."""
    topic = pipeline.topics[0]
    shared = ("kafka_offsets", "rtpipe_dead_letters")  # with the pipelines of other tests
    found: dict[str, Any] = {name: pipeline.query(f"SELECT * FROM {name} WHERE topic = %s", topic) for name in shared}
    for table in pipeline.topics:
        if pipeline.query("SHOW TABLES LIKE %s", table):
            created = str(pipeline.query(f"SHOW CREATE TABLE `{table}`")).partition("AUTO_INCREMENT=")[0]
            found[table] = created, pipeline.query(f"SELECT * FROM `{table}`")
    return found


def sums(topic: Any) -> tuple[int, int, int]:
    """Messages, rows, dead letters."""
    parts = topic["partitions"]
    dead = sum(sum(part["dead_letters"].values()) for part in parts)
    return sum(part["messages"] for part in parts), sum(part["rows"] for part in parts), dead


def test_what_it_says_then_happens(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=2, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_c` CHECK (seq < 1000)")
        pipeline.produce(500)
        pipeline.send(topic, b"no avro")
        pipeline.send(topic, pipeline.body(topic, "k", 4_711, "refused by the server"))
        before = kept(pipeline)
        found = tried(pipeline, code=6)
        assert kept(pipeline) == before
        assert sums(found) == (502, 500, 2)
        assert sum(part["encoded_only"] for part in found["partitions"]) == 0
        examples = {one["error_name"]: one for part in found["partitions"] for one in part["examples"]}
        assert examples.keys() == {"E_WIRE_FORMAT", "E_VALUE"}
        assert examples["E_VALUE"]["offset"] == examples["E_WIRE_FORMAT"]["offset"] + 1
        assert (found["statements"], found["table_missing"]) == ([], False)

        few = tried(pipeline, "--rows", "100", code=0)
        assert sums(few) == (100, 100, 0)
        words = pipeline.run("try", "-t", topic).stdout
        for word in ("500 rows", "2 dead letters", "E_VALUE", "time: reading", "nothing of it was kept"):
            assert word in words

        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`")[0][0] == 500
        dead = pipeline.query("SELECT error_name FROM rtpipe_dead_letters WHERE topic = %s", topic)
        assert sorted(name for (name,) in dead) == ["E_VALUE", "E_WIRE_FORMAT"]
        after = kept(pipeline)
        again = tried(pipeline, code=6)
        assert sums(again)[0] == 502
        assert "consumed already" in again["partitions"][0]["encoded_only_why"]
        assert kept(pipeline) == after


def test_where_a_partition_would_stop(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, on_error="stop") as pipeline:
        pipeline.produce(3)
        pipeline.send(pipeline.topics[0], b"no avro")
        [part] = tried(pipeline, code=3)["partitions"]
        assert (part["next_offset"], part["rows"], part["stop"]["error_name"]) == (3, 3, "E_DATA")


def test_a_table_to_be_made(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.query(f"DROP TABLE `{topic}`")
        pipeline.produce(10)
        pipeline.send(topic, b"no avro")
        found = tried(pipeline, code=3)
        assert pipeline.query("SHOW TABLES LIKE %s", topic) == []
        [create] = found["statements"]
        assert found["table_missing"]
        assert create.startswith("CREATE TABLE")
        assert sums(found) == (11, 10, 1)
        assert found["partitions"][0]["encoded_only"] == 11
        assert found["partitions"][0]["stop"]["error_name"] == "E_CONFIG"


def test_a_table_to_be_altered(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(10)
        wider = schema_named(topic)
        wider["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
        with SchemaRegistryClient({"url": pipeline.addresses.schema_registry_url}) as registry:
            newer = registry.register_schema(f"{topic}-value", Schema(json.dumps(wider), "AVRO"))
        for seq in (100, 101):
            old = pipeline.body(topic, "k", seq, "x")
            pipeline.send(topic, b"\0" + newer.to_bytes(4, "big") + old[5:] + b"\0")
        before = kept(pipeline)
        found = tried(pipeline, code=3)
        assert kept(pipeline) == before
        assert sums(found) == (12, 12, 0)
        [alter] = found["statements"]
        assert "ADD COLUMN `note`" in alter
        assert "must change" in found["partitions"][0]["encoded_only_why"]
        assert found["partitions"][0]["stop"] is None
        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT COUNT(note), COUNT(*) FROM `{topic}`") == [(0, 12)]


def test_rows_by_key(database: Addresses, tmp_path: Path) -> None:
    upsert: dict[str, Any] = {"mode": "upsert", "key": ["key"], "tombstones": "delete"}
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter", **upsert) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(20, keys=4)
        assert supervised(pipeline) == 0
        pipeline.produce(10, keys=2)
        pipeline.send(topic, None, key="key-1")
        pipeline.send(topic, b"no avro", key="key-2")
        before = kept(pipeline)
        found = tried(pipeline, code=6)
        assert kept(pipeline) == before
        assert sums(found) == (12, 11, 1)
        assert found["partitions"][0]["encoded_only"] == 0
        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(3,)]


def test_beside_a_running_supervisor(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1) as pipeline:
        topic = pipeline.topics[0]
        process = pipeline.supervise()
        with pipeline.stream(1_000):
            eventually(lambda: pipeline.query(f"SELECT COUNT(*) FROM `{topic}`")[0][0] > 1_000)
            epoch = pipeline.query("SELECT epoch FROM kafka_offsets WHERE topic = %s", topic)
            for _ in range(3):
                messages, rows, _ = sums(tried(pipeline, "--rows", "2000"))
                assert messages == rows > 0
        assert pipeline.query("SELECT epoch FROM kafka_offsets WHERE topic = %s", topic) == epoch
        process.terminate()
        assert process.wait(60) == 0
        assert not [one for one in pipeline.entries() if one.get("event") in {"worker_died", "worker_halted"}]
        counted = pipeline.query(f"SELECT COUNT(*), COUNT(DISTINCT _kafka_offset), MAX(_kafka_offset) FROM `{topic}`")
        assert counted[0][0] == counted[0][1] == counted[0][2] + 1
