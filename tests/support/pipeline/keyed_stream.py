"""A stream of changes by key, with tombstones and poison in it, and what its table must be in the end."""

from __future__ import annotations

import contextlib
import io
import random
import threading
from typing import TYPE_CHECKING, Any

import fastavro
from confluent_kafka import Consumer, TopicPartition

from tests.support.faults.tally import TALLY
from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.producers import ordered_producer

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYED: dict[str, Any] = {
    "metadata": False,
    "on_error": "dead_letter",
    "dead_letters_per_minute": 0,
    "mode": "upsert",
    "key": ["key"],
    "tombstones": "delete",
}
POISON = b"poison"


@contextlib.contextmanager
def changes(pipeline: Pipeline, chance: random.Random) -> Iterator[None]:
    """About 2,000 changes a second of 500 keys; one in five deletes, one in two hundred is no row."""
    topic, stop, sequence = pipeline.topics[0], threading.Event(), iter(range(1 << 40))
    producer = ordered_producer(pipeline.addresses.bootstrap_servers, {"linger.ms": 5})

    def flow() -> None:
        while not stop.wait(0.05):
            for _ in range(100):
                key, lot = f"key-{chance.randrange(500)}", chance.random()
                body = pipeline.body(topic, key, next(sequence), "x" * chance.randrange(200))
                producer.produce(topic, None if lot < 0.2 else POISON if lot < 0.205 else body, key)
            producer.poll(0)
        assert producer.flush(60) == 0

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def folded(pipeline: Pipeline) -> tuple[dict[str, tuple[int, str]], set[tuple[int, int]]]:
    """Key -> seq and payload by the topic alone; and where the poison lies."""
    topic = pipeline.topics[0]
    consumer = Consumer({"bootstrap.servers": pipeline.addresses.bootstrap_servers, "group.id": "fold"})
    schema = fastavro.parse_schema(schema_named(topic))
    rows: dict[str, tuple[int, str]] = {}
    poison: set[tuple[int, int]] = set()
    for partition, (low, high) in pipeline.watermarks(topic).items():
        consumer.assign([TopicPartition(topic, partition, low)])
        at = low
        while at < high:
            for message in consumer.consume(5_000, 1.0):
                at, value, key = (message.offset() or 0) + 1, message.value(), message.key()
                assert key is not None
                if value is None:
                    rows.pop(key.decode(), None)
                elif value == POISON:
                    poison.add((partition, at - 1))
                else:
                    record: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
                    rows[key.decode()] = (record["seq"], record["payload"])
    consumer.close()
    return rows, poison


def assert_folded(pipeline: Pipeline) -> None:
    """The table is a fold of the topic, and exactly the poison is dead letters."""
    topic = pipeline.topics[0]
    rows, poison = folded(pipeline)
    found = pipeline.query(f"SELECT `key`, seq, payload FROM `{topic}`")
    TALLY.compare(rows.items(), ((key, (seq, payload)) for key, seq, payload in found))
    places = pipeline.query("SELECT `partition`, `offset` FROM rtpipe_dead_letters WHERE topic = %s", topic)
    assert set(places) == poison
    assert len(places) == len(poison)
    verified = pipeline.run("verify", "--topics", topic, "--values")
    assert verified.returncode == 0, verified.stdout + verified.stderr
