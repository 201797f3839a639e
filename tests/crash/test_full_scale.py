"""200,000 messages of two schema versions, or with poison among them, while processes are killed: each is told for."""

from __future__ import annotations

import contextlib
import json
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Message
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from tests.support.faults.fault_run import QUICK, all_run, committed, nobody_left
from tests.support.faults.tally import TALLY
from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.raw_clients import connect
from tests.support.pipeline.supervision import finish
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults

COUNT, EVERY = 200_000, 10_000


def test_a_rolling_schema_change_under_load(database: Addresses, tmp_path: Path) -> None:
    """F39: two versions alternate; consumers and the supervisor are killed while the ALTER waits for a lock."""
    with running_pipeline(database, tmp_path) as pipeline:
        [topic] = pipeline.topics
        pipeline.produce(3_000)
        supervisor = pipeline.supervise(env=QUICK)
        pipeline.wait_caught_up()
        before = all_run(pipeline)
        with contextlib.closing(connect(database.admin_database_url, "bank")) as reader:
            reader.autocommit(False)
            reader.cursor().execute(f"SELECT COUNT(*) FROM `{topic}`")
            flood(pipeline, two_versions(pipeline, topic))
            alters = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE %s"
            eventually(lambda: pipeline.query(alters, f"ALTER TABLE `bank`.`{topic}`%") != [(0,)], within=60)
            for consumer, _ in before.values():
                kill(consumer)
            before = all_run(pipeline, besides=before)
            kill(supervisor.pid)
            supervisor.wait()
            nobody_left(pipeline)
            supervisor = pipeline.supervise(env=QUICK)
            all_run(pipeline, besides=before)
            reader.rollback()
        pipeline.wait_caught_up(within=240)
        assert finish(pipeline, supervisor) == 3_000 + COUNT
        news = f"SELECT COUNT(*), COUNT(note), SUM(payload = 'new') FROM `{topic}` WHERE payload <> 'x'"
        assert pipeline.query(news) == [(COUNT, COUNT // 2, COUNT // 2)]
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}` WHERE (payload = 'new') <> (note IS NOT NULL)") == [(0,)]
        verified(pipeline)


def two_versions(pipeline: Pipeline, topic: str) -> Iterator[tuple[str, bytes | None]]:
    schema = schema_named(topic)
    schema["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
    with SchemaRegistryClient({"url": pipeline.addresses.schema_registry_url}) as registry:
        newer = b"\0" + struct.pack(
            ">I", registry.register_schema(f"{topic}-value", Schema(json.dumps(schema), "AVRO"))
        )
    for number in range(COUNT):
        key, seq = f"mixed-{number % 100}", number // 100 + 1
        if number % 2:
            yield key, newer + pipeline.body(topic, key, seq, "new")[5:] + b"\2\2n"
        else:
            yield key, pipeline.body(topic, key, seq, "old")


def test_one_poison_message_of_each_kind_in_ten_thousand(database: Addresses, tmp_path: Path) -> None:
    """F26, F39: while all consumers and writers are killed in turn: letters are exactly those, rows all the others."""
    with running_pipeline(database, tmp_path, on_error="dead_letter", batch_rows=500) as pipeline:
        [topic] = pipeline.topics
        sent = flood(pipeline, with_poison(pipeline, topic))
        supervisor = pipeline.supervise(env=QUICK)
        rounds = 0
        while rounds < 6 and not pipeline.caught_up():
            before = all_run(pipeline)
            eventually(partial(moved_or_done, pipeline, committed(pipeline)), within=60)
            for pids in before.values():
                kill(pids[rounds % 2])
            all_run(pipeline, besides=before)
            rounds += 1
        assert rounds > 1
        pipeline.wait_caught_up(within=240)
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        poison = {place for place, good in sent.items() if not good}
        assert len(sent) == COUNT
        assert len(poison) == COUNT // EVERY * 6
        letters = pipeline.query("SELECT `partition`, `offset` FROM rtpipe_dead_letters WHERE topic = %s", topic)
        assert sorted(letters) == sorted(poison)
        rows = pipeline.query(f"SELECT _kafka_partition, _kafka_offset FROM `{topic}`")
        TALLY.compare(sent.keys() - poison, rows)
        verified(pipeline)


def moved_or_done(pipeline: Pipeline, before: int) -> bool:
    return committed(pipeline) > before or pipeline.caught_up()


def with_poison(pipeline: Pipeline, topic: str) -> Iterator[tuple[str, bytes | None]]:
    good = pipeline.body(topic, "a", 1, "x")
    poison = [
        b"no wire format",
        b"\0" + struct.pack(">I", 2_000_000_000) + good[5:],
        good[:-1],
        good + b"more",
        pipeline.body(topic, "k" * 65, 1, "x"),
        None,
    ]
    for number in range(COUNT):
        place, rest = divmod(number % EVERY, EVERY // len(poison))
        if rest == 0 and place < len(poison):
            yield "poison", poison[place]
        else:
            yield (key := f"key-{number % 100}"), pipeline.body(topic, key, number // 100 + 1, "x")


def flood(pipeline: Pipeline, messages: Iterable[tuple[str, bytes | None]]) -> dict[tuple[int, int], bool]:
    """Produce them all: place -> whether its key says that it is good."""
    [topic] = pipeline.topics
    places: dict[tuple[int, int], bool] = {}

    def delivered(error: object, message: Message, *, good: bool) -> None:
        assert error is None
        places[message.partition() or 0, message.offset() or 0] = good

    more: dict[str, Any] = {"linger.ms": 5, "enable.idempotence": True}
    producer = ordered_producer(pipeline.addresses.bootstrap_servers, more)
    good, bad = partial(delivered, good=True), partial(delivered, good=False)
    for number, (key, value) in enumerate(messages):
        producer.produce(topic, value, key, on_delivery=bad if key == "poison" else good)
        if number % 5_000 == 0:
            assert producer.flush(60) == 0
    assert producer.flush(60) == 0
    return places


def verified(pipeline: Pipeline) -> None:
    answer = pipeline.run("verify", "--values", "--topics", ",".join(pipeline.topics))
    assert answer.returncode == 0, answer.stdout + answer.stderr
