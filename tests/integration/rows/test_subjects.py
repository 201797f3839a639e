"""Topics whose subjects have other names, schemas of other subjects, and tombstones that come first."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import fastavro
from confluent_kafka.schema_registry import SchemaRegistryClient

from tests.support.pipeline.dead_letters import dead_letters_of
from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.supervision import supervised
from tests.support.pipeline.typed_topic import register

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses

KEYED: dict[str, Any] = {
    "metadata": False,
    "on_error": "dead_letter",
    "mode": "upsert",
    "key": ["key"],
    "tombstones": "delete",
}


def body(schema_id: int, schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    out = io.BytesIO(b"\0" + schema_id.to_bytes(4, "big"))
    out.seek(5)
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def forget_subject(pipeline: Pipeline, topic: str) -> None:
    with SchemaRegistryClient({"url": pipeline.addresses.schema_registry_url}) as registry:
        registry.delete_subject(f"{topic}-value")


def test_a_subject_for_each_record(database: Addresses, tmp_path: Path) -> None:
    """A tombstone comes first, then records of two names; a schema of another topic is refused."""
    with running_pipeline(database, tmp_path, partitions=1, subject="{record}", **KEYED) as pipeline:
        topic = pipeline.topics[0]
        pipeline.query(f"INSERT INTO `{topic}` VALUES ('gone', 1, 'x'), ('stays', 2, 'x')")
        pipeline.send(topic, None, key="gone")
        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT `key` FROM `{topic}`") == [("stays",)]

        order = schema_named(f"{topic}.Order")
        order["fields"] += [{"name": "note", "type": ["null", "string"], "default": None}]
        payment = schema_named(f"{topic}.Payment")
        payment["fields"] += [{"name": "cents", "type": ["null", "long"], "default": None}]
        of_order = register(pipeline, order["name"], order)
        of_payment = register(pipeline, payment["name"], payment)
        foreign = register(pipeline, f"{topic}-value", schema_named(topic))
        record = {"seq": 7, "payload": "p", "note": "n", "cents": 5}
        pipeline.send(topic, body(of_order, order, record | {"key": "stays"}))
        pipeline.send(topic, body(of_payment, payment, record | {"key": "b"}))
        pipeline.send(topic, body(foreign, schema_named(topic), record | {"key": "c"}))

        planned = pipeline.run("table", "plan", "--topics", topic, "--json")
        assert planned.returncode == 0, planned.stderr
        assert {one["schema_id"] for one in json.loads(planned.stdout)["tables"]} == {of_order, of_payment}
        one = pipeline.run("table", "plan", "--topics", topic, "--schema-id", str(of_payment), "--sql")
        assert "cents" in one.stdout
        assert "note" not in one.stdout
        assert pipeline.run("table", "apply", "--topics", topic, "--drop", "--yes").returncode == 2
        applied = pipeline.run("table", "apply", "--topics", topic, "--yes")
        assert applied.returncode == 0, applied.stderr

        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT `key`, seq, note, cents FROM `{topic}` ORDER BY `key`") == [
            ("b", 7, None, 5),
            ("stays", 7, "n", None),
        ]
        [letter] = dead_letters_of(pipeline, topic).values()
        assert "E_FOREIGN_SCHEMA" in str(letter)
        assert f"{topic}-value" in str(letter)
        verified = pipeline.run("verify", "--topics", topic, "--values", "--json")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        [told] = json.loads(verified.stdout)["topics"]
        assert told["messages_read"] == 3  # what each key is by now, and the letter


def test_an_id_of_another_subject_becomes_a_row_once_the_setting_allows_it(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        other = schema_named("other")
        schema_id = register(pipeline, f"other-{topic}", other)
        pipeline.send(topic, body(schema_id, other, {"key": "a", "seq": 1, "payload": "p"}))
        pipeline.produce(2)
        assert supervised(pipeline) == 0
        assert "E_FOREIGN_SCHEMA" in str(dead_letters_of(pipeline, topic)[0])
        assert pipeline.run("verify", "--topics", topic, "--values").returncode == 0
        pipeline.settings["any_subject"] = True
        pipeline.write_settings()
        retried = pipeline.run("dead-letters", "retry", "--topics", topic)
        assert retried.returncode == 0, retried.stdout + retried.stderr
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(3,)]
        assert pipeline.run("verify", "--topics", topic, "--values").returncode == 0


def test_versions_and_subjects_that_were_deleted_are_still_the_topics(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(3)
        forget_subject(pipeline, topic)
        planned = pipeline.run("table", "plan", "--topics", topic, "--check")
        assert planned.returncode == 0, planned.stdout + planned.stderr
        assert supervised(pipeline) == 0
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(3,)]
        assert pipeline.run("verify", "--topics", topic, "--values").returncode == 0
