"""Messages that cannot be rows become dead letters, exactly once, and none of their neighbours is held up or lost."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from tests.support.pipeline.dead_letters import dead_letters_of
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.supervision import messages_of, supervised
from tests.support.stack.server_setting import small_packets

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline

CANARY = "canary-4711"
PACKET = 1 << 20


def test_each_kind_is_a_letter_and_its_neighbours_are_rows(own_database: Addresses, tmp_path: Path) -> None:
    """F24, F26, F39: all kinds in one partition, between good messages; letters keep what Kafka gave."""
    with running_pipeline(own_database, tmp_path, partitions=2, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_c` CHECK (seq < 4711)")
        bad = kinds(pipeline, topic)
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        wanted: dict[int, tuple[str, bytes | None]] = {}
        offset = 0
        for seq, (name, value) in enumerate(bad):
            producer.produce(topic, pipeline.body(topic, "good", seq + 1, "x"), "k", partition=0)
            headers: Any = [("h", b"\xff'\\\0"), ("h", None)] if seq == 1 else None
            producer.produce(topic, value, b"key'\0\xff", partition=0, timestamp=1_700_000_000_123, headers=headers)
            wanted[offset + 1] = (name, value)
            offset += 2
        producer.produce(topic, pipeline.body(topic, "good", 99, "x"), "k", partition=0)
        assert producer.flush(30) == 0
        with small_packets(pipeline, PACKET):
            assert supervised(pipeline, "--fail-on-dead-letters") == 6
        found = dead_letters_of(pipeline, topic)
        last = max(wanted)
        assert found[last]["error_text"].endswith(
            "600,011 bytes are more than max_allowed_packet takes and are in Kafka alone"
        )
        wanted[last] = (wanted[last][0], None)
        assert {at: (row["error_name"], row["value"]) for at, row in found.items()} == wanted
        for row in found.values():
            assert str(row["timestamp"]) == "2023-11-14 22:13:20.123000"
            assert row["key"] == b"key'\0\xff"
            assert row["table_name"] == topic
            assert CANARY not in row["error_text"]
        assert json.loads(found[3]["headers"]) == [["h", base64.b64encode(b"\xff'\\\0").decode()], ["h", None]]
        assert found[1]["headers"] is None
        assert "a long beyond 64 bits, at byte 7, in field seq" in [row["error_text"] for row in found.values()][7]
        rows = pipeline.query(f"SELECT seq FROM `{topic}` ORDER BY _kafka_offset")
        assert [row[0] for row in rows] == [*range(1, len(bad) + 1), 99]
        assert pipeline.query(
            "SELECT rows_total, dead_total FROM kafka_offsets WHERE topic = %s ORDER BY 1", topic
        ) == [
            (0, 0),
            (len(bad) + 1, len(bad)),
        ]
        verified = pipeline.run("verify", "--topics", topic, "--values", "--json")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert CANARY not in pipeline.log.read_text()
        [told] = messages_of(pipeline, "dead_letters").values()
        assert told.startswith(f"W_DEAD_LETTERS {topic}/0: ")


def kinds(pipeline: Pipeline, topic: str) -> list[tuple[str, bytes | None]]:
    """Name of the error, and a message that has it."""
    good = pipeline.body(topic, "k", 7, CANARY)
    return [
        ("E_WIRE_FORMAT", f'{{"json": "{CANARY}"}}'.encode()),
        ("E_WIRE_FORMAT", b"\0\0\1"),
        ("E_WIRE_FORMAT", b""),
        ("E_UNKNOWN_SCHEMA", b"\0" + struct.pack(">I", 999_999) + good[5:]),
        ("E_DECODE", good[:-9]),
        ("E_DECODE", good + CANARY.encode()),
        ("E_DECODE", good[:5] + b"\x04\xff\xfe" + good[5:]),
        ("E_DECODE", good[:5] + b"\2k" + b"\xff" * 9 + b"\3" + b"\2x"),
        ("E_NULL_VALUE", None),
        ("E_VALUE", pipeline.body(topic, CANARY * 9, 7, "too long a key")),
        ("E_VALUE", pipeline.body(topic, "k", 4_711, CANARY)),
        ("E_TOO_LARGE", pipeline.body(topic, "k", 7, "'" * 600_000)),
    ]


@pytest.mark.faults
def test_too_many_in_a_minute_stop_the_partition_and_it_goes_on_from_there(stack: Addresses, tmp_path: Path) -> None:
    """Twenty are allowed: the twenty-first stops it, with twenty letters and the rows before it."""
    settings: dict[str, Any] = {"on_error": "dead_letter", "dead_letters_per_minute": 20}
    with running_pipeline(stack, tmp_path, partitions=1, **settings) as pipeline:
        topic = pipeline.topics[0]
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        for seq in range(100):
            value = b"poison" if seq % 4 == 3 else pipeline.body(topic, "k", seq + 1, "x")
            producer.produce(topic, value, partition=0)
        assert producer.flush(30) == 0
        assert supervised(pipeline) == 65
        said = messages_of(pipeline, "worker_halted")[f"{topic}/0"]
        assert f"E_DEAD_LETTERS {topic}/0 offset 83" in said
        assert "rtpipe resume" in said
        assert pipeline.offsets(topic) == {0: 83}
        assert len(dead_letters_of(pipeline, topic)) == 20
        assert supervised(pipeline) == 0
        assert len(dead_letters_of(pipeline, topic)) == 25
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(75,)]
        assert pipeline.run("verify", "--topics", topic, "--values").returncode == 0


@pytest.mark.faults
def test_without_the_table_a_bad_message_stops_as_it_would_with_stop(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.send(topic, pipeline.body(topic, "k", 1, "x"))
        pipeline.send(topic, b"poison")
        user = f"u{topic}"
        pipeline.query(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'poor1!'")
        pipeline.query(f"GRANT SELECT, INSERT, UPDATE ON bank.kafka_offsets TO '{user}'@'%'")
        pipeline.query(f"GRANT SELECT, INSERT ON bank.`{topic}` TO '{user}'@'%'")
        poor = make_url(stack.database_url).set(username=user, password="poor1!")
        pipeline.addresses = replace(stack, database_url=poor.render_as_string(hide_password=False))
        assert supervised(pipeline) == 65
        pipeline.addresses = stack
        said = messages_of(pipeline, "worker_halted")[f"{topic}/0"]
        assert "rtpipe setup" in said
        assert pipeline.offsets(topic) == {0: 1}
        assert supervised(pipeline) == 0
        assert list(dead_letters_of(pipeline, topic)) == [1]


def test_a_row_number_of_another_statement_blames_nobody(database: Addresses, tmp_path: Path) -> None:
    """A trigger's own INSERT fails "at row 1": the row that brought it is found by halving."""
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.query(f"CREATE TABLE `{topic}_log` (short VARCHAR(3) NOT NULL) ENGINE=InnoDB")
        pipeline.query(
            f"CREATE TRIGGER `{topic}_t` AFTER INSERT ON `{topic}` FOR EACH ROW"
            f" INSERT INTO `{topic}_log` VALUES (NEW.payload)"
        )
        producer = ordered_producer(pipeline.addresses.bootstrap_servers)
        for seq in range(300):
            payload = "long" if seq in {0, 57, 58, 299} else "x"
            producer.produce(topic, pipeline.body(topic, "k", seq + 1, payload), partition=0)
        assert producer.flush(30) == 0
        assert supervised(pipeline) == 0
        assert list(dead_letters_of(pipeline, topic)) == [0, 57, 58, 299]
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(296,)]
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}_log`") == [(296,)]
