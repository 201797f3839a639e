"""`rtpipe peek`: messages beside their rows, and words for every message that has none."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition

from tests.support.command_answers import CANARY, refused
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.supervision import supervised
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses

pytestmark = pytest.mark.both_servers


def peeked(pipeline: Pipeline, *words: str, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = pipeline.run("peek", *words, "--json", env=env)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def stored(pipeline: Pipeline) -> Any:
    return pipeline.query("SELECT * FROM kafka_offsets"), pipeline.query("SELECT * FROM rtpipe_dead_letters")


def test_each_message_beside_its_row(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(3, keys=1)
        pipeline.send(topic, b"\x1b[2J no avro")
        pipeline.send(topic, None)
        assert supervised(pipeline) == 0
        pipeline.query(f"DELETE FROM `{topic}` WHERE _kafka_offset = 1")
        pipeline.produce(1, keys=1, payload=f"{CANARY}\x1b[2J")
        before = stored(pipeline)

        found = {one["offset"]: one for one in peeked(pipeline, topic, "-n", "10")}
        assert sorted(found) == [0, 1, 2, 3, 4, 5]
        assert found[0]["state"] == "row"
        assert found[0]["value"] == {"key": "key-0", "seq": 1, "payload": "x"}
        assert found[0]["row"] == found[0]["value"] | {"_kafka_partition": 0, "_kafka_offset": 0}
        assert (found[1]["state"], found[1]["row"]) == ("no row", None)
        assert found[3]["state"] == "dead letter"
        assert found[3]["text"].startswith("E_WIRE_FORMAT")
        assert (found[3]["value"], bool(found[3]["problem"])) == (None, True)
        assert (found[4]["state"], found[4]["tombstone"]) == ("dead letter", True)
        assert (found[5]["state"], found[5]["text"]) == ("no row yet", "the offset is 5")
        assert stored(pipeline) == before

        assert [one["offset"] for one in peeked(pipeline, topic, "-n", "2")] == [4, 5]
        assert [one["offset"] for one in peeked(pipeline, f"{topic}/0", "--offset", "1", "-n", "2")] == [1, 2]
        shown = pipeline.run("peek", topic, "-n", "10")
        assert all(sign.isprintable() or sign == "\n" for sign in shown.stdout)
        for words in ("not decoded", "a tombstone: no value", "dead letter: E_WIRE_FORMAT", "no row yet", CANARY):
            assert words in shown.stdout


def test_what_is_not_there(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=2) as pipeline:
        topic = pipeline.topics[0]
        assert "no message" in pipeline.run("peek", topic).stderr
        for _ in range(5):
            pipeline.send(topic, pipeline.body(topic, "k", 1, "x"))
        admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
        for future in admin.delete_records([TopicPartition(topic, 0, 3)]).values():
            future.result(30)
        refused(pipeline.run("peek", topic, "--offset", "4"), 2, "E_SETTINGS", "needs a partition")
        refused(pipeline.run("peek", f"{topic}/7"), 2, "E_SETTINGS", "no partition 7")
        refused(pipeline.run("peek", f"{topic}/0", "--offset", "5"), 2, "E_SETTINGS", "ends before offset 5")
        gone = pipeline.run("peek", f"{topic}/0", "--offset", "2")
        assert "E_OFFSET_GONE" in gone.stderr
        assert "begins at offset 3" in gone.stderr
        assert "--offset 3" in gone.stderr
        assert [one["state"] for one in peeked(pipeline, topic)] == ["no row yet"] * 2

        dark = {"RTPIPE_DATABASE_URL": f"mysql+pymysql://u:{CANARY}@127.0.0.1:9/bank"}
        answer = pipeline.run("peek", topic, env=dark)
        assert answer.returncode == 0
        assert "cannot tell" in answer.stdout
        assert "does not answer" in answer.stderr
        assert CANARY not in answer.stdout + answer.stderr
        assert peeked(pipeline, topic, env={"RTPIPE_DATABASE_URL": "", "RTPIPE_INFRA_DATABASE_URL": ""})[0][
            "state"
        ] == ("cannot tell")


def test_rows_without_a_position(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, metadata=False) as pipeline:
        pipeline.produce(1)
        assert supervised(pipeline) == 0
        [one] = peeked(pipeline, pipeline.topics[0])
        assert one["state"] == "cannot tell"
        assert "the table has no _kafka_partition and no _kafka_offset" in one["text"]


def test_rows_by_key(database: Addresses, tmp_path: Path) -> None:
    upsert: dict[str, Any] = {"mode": "upsert", "key": ["key"], "tombstones": "delete"}
    with running_pipeline(database, tmp_path, partitions=1, **upsert) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(4, keys=2)
        pipeline.send(topic, None, key="key-1")
        assert supervised(pipeline) == 0
        pipeline.send(topic, pipeline.body(topic, "key-0", 9, "later"), key="key-0")
        found = peeked(pipeline, topic, "-n", "9")
        assert [one["state"] for one in found] == ["row", "no row", "row", "no row", "no row", "row"]
        assert [one["text"] for one in found][:3:2] == ["of its key, written by 0/2", None]
        assert found[4]["text"] == "a tombstone"
        assert found[2]["row"]["seq"] == 2
        assert found[5]["text"] == "of its key, written by 0/2"


def test_follow(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=2) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(1)
        lines = tmp_path / "lines"
        with lines.open("wb") as out:
            process = subprocess.Popen(
                [
                    "env",
                    "--default-signal=INT",
                    *pipeline.command("peek", topic, "-f", "--json"),
                ],  # a job may ignore it
                cwd=pipeline.directory,
                env=pipeline.environment(),
                stdout=out,
            )
            try:
                eventually(lambda: len(lines.read_text().splitlines()) == 1)
                pipeline.produce(4)
                eventually(lambda: len(lines.read_text().splitlines()) == 5)
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 0
            finally:
                process.kill()
                process.wait()
