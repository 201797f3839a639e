"""`produce` against a real broker and registry; what arrived is read with a raw consumer."""

from __future__ import annotations

import collections
import contextlib
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from avro_schemas.avro.wire_format import HEADER_SIZE, schema_id_of
from avro_schemas.registry.client import Registry
from rtpipe.errors import SettingsError, UnreachableError
from tests.support.pipeline.raw_clients import watermarks_of
from tests.support.waits import eventually
from workers.contract.errors import SetupError
from workers.produce.order import ProduceOrder, ProduceProgress, ProduceResult
from workers.produce.producer import produce

if TYPE_CHECKING:
    from infra.stack.state import Addresses

PARTITIONS = 3
DATASET = [
    ("key_field1", "string"),
    ("timestamp_field1", "long"),
    ("double_field1", "double"),
    ("string_field1", "string"),
]
names = (f"produced_{uuid.uuid4().hex[:8]}" for _ in itertools.count())


def schema_of(topic: str, fields: list[tuple[str, Any]]) -> dict[str, Any]:
    named = [{"name": name, "type": kind} for name, kind in fields]
    return {"type": "record", "name": topic, "namespace": "com.exam", "fields": named}


@dataclass(frozen=True)
class Arrived:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    row: dict[str, Any]


class Topics:
    """Fresh topics and what is in them."""

    def __init__(self, stack: Addresses) -> None:
        self.stack = stack
        self.kafka: dict[str, Any] = {"bootstrap.servers": stack.bootstrap_servers}
        self.admin = AdminClient(self.kafka)

    def create(self, fields: list[tuple[str, Any]] | None = None) -> dict[str, Any]:
        """The schema of a new topic, which has its name."""
        topic = next(names)
        self.admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result()
        return schema_of(topic, fields or DATASET)

    def register(self, schema: dict[str, Any]) -> int:
        with contextlib.closing(Registry(self.stack.schema_registry_url)) as registry:
            return registry.register(f"{schema['name']}-value", schema)

    def order(self, *schemas: dict[str, Any], **settings: Any) -> ProduceOrder:
        topics = tuple(schema["name"] for schema in schemas)
        common = {"kafka": self.kafka, "registry_url": self.stack.schema_registry_url, "schemas": schemas}
        return ProduceOrder(**{**common, "topics": topics, **settings})

    def watermarks(self, topic: str) -> dict[int, int]:
        consumer = Consumer({**self.kafka, "group.id": "test"})
        ends = {p: watermarks_of(consumer, TopicPartition(topic, p)) for p in range(PARTITIONS)}
        consumer.close()
        return {partition: ends[partition][1] for partition in ends}

    def read(self, schema: dict[str, Any]) -> list[Arrived]:
        """Everything in the topic, in the order of each partition."""
        topic, parsed = schema["name"], fastavro.parse_schema(schema)
        left = sum(self.watermarks(topic).values())
        consumer = Consumer({**self.kafka, "group.id": "test", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        arrived: list[Arrived] = []
        deadline = time.monotonic() + 60
        while len(arrived) < left and time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.1):
                assert message.error() is None
                value: Any = message.value()
                body = io.BytesIO(value[HEADER_SIZE:])
                row: Any = fastavro.schemaless_reader(body, parsed, None)
                assert body.read() == b""
                place = (message.partition() or 0, message.offset() or 0, message.key() or b"")
                arrived.append(Arrived(topic, *place, value, row))
        consumer.close()
        assert len(arrived) == left
        return arrived


@pytest.fixture(scope="module")
def topics(stack: Addresses) -> Topics:
    return Topics(stack)


def last_offsets(result: ProduceResult, topic: str) -> dict[int, int]:
    return {partition: offset + 1 for partition, offset in result.last_offsets[topic].items()}


def test_counts_are_what_the_watermarks_grew_by(topics: Topics) -> None:
    one, other = topics.create(), topics.create()
    told: list[ProduceProgress] = []
    result = produce(topics.order(one, other, count=5_000, threads=2), progress=told.append)
    assert (result.sent, result.failed, result.stopped) == (10_000, 0, False)
    for schema in (one, other):
        ends = topics.watermarks(schema["name"])
        assert sum(ends.values()) == 5_000
        assert last_offsets(result, schema["name"]) == ends
    assert (told[-1].sent, told[-1].total) == (10_000, 10_000)
    arrived = topics.read(one)
    sizes = sum(len(each.key) + len(each.value) for each in [*arrived, *topics.read(other)])
    assert result.size == sizes
    with contextlib.closing(Registry(topics.stack.schema_registry_url)) as registry:
        newest, _ = registry.latest(f"{one['name']}-value")
    assert {schema_id_of(each.value) for each in arrived} == {newest}
    assert all(each.key.decode() == each.row["key_field1"] for each in arrived)


def test_a_key_stays_in_one_partition_and_in_order(topics: Topics) -> None:
    schema = topics.create([("user", {"type": "string", "maxLength": 1}), ("at", "long"), ("other", "double")])
    produce(topics.order(schema, count=3_000, threads=4, seed=7))
    partitions = collections.defaultdict(set)
    times = collections.defaultdict(list)
    for each in topics.read(schema):
        partitions[each.key].add(each.partition)
        times[each.key].append(each.row["at"])
    assert len(partitions) == 52, "one letter as the key"
    assert all(len(found) == 1 for found in partitions.values())
    for found in times.values():
        assert found == sorted(found), "with a seed, time goes on with each message of a key"


def test_a_seed_makes_the_same_messages_with_any_number_of_threads(topics: Topics) -> None:
    schema = topics.create()
    for threads, seed in ((1, 42), (3, 42), (3, 43)):
        produce(topics.order(schema, count=500, threads=threads, seed=seed))
    times_sent = collections.Counter(each.value for each in topics.read(schema))
    assert collections.Counter(times_sent.values()) == {2: 500, 1: 500}


def test_every_type_arrives_and_fastavro_reads_it(topics: Topics) -> None:
    kinds: list[tuple[str, Any]] = [
        ("number", "int"),
        ("nothing", "null"),
        ("flag", "boolean"),
        ("ratio", "float"),
        ("raw", "bytes"),
        ("code", {"type": "fixed", "name": "code_t", "size": 3}),
        ("price", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}),
        ("fixed_price", {"type": "fixed", "name": "price_t", "size": 5, "logicalType": "decimal", "precision": 9}),
        ("day", {"type": "int", "logicalType": "date"}),
        ("t3", {"type": "int", "logicalType": "time-millis"}),
        ("t6", {"type": "long", "logicalType": "time-micros"}),
        ("at3", {"type": "long", "logicalType": "timestamp-millis"}),
        ("at6", {"type": "long", "logicalType": "timestamp-micros"}),
        ("local", {"type": "long", "logicalType": "local-timestamp-micros"}),
        ("id", {"type": "string", "logicalType": "uuid"}),
        ("maybe", ["null", "string"]),
        ("maybe_price", [{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 4}, "null"]),
    ]
    schema = topics.create(kinds)
    produce(topics.order(schema, count=400, threads=1))
    arrived = topics.read(schema)
    assert len(arrived) == 400
    assert all(each.key == str(each.row["number"]).encode() for each in arrived)
    for name, nullable in (("maybe", True), ("maybe_price", True), ("price", False)):
        assert any(each.row[name] is None for each in arrived) is nullable
    assert all(uuid.UUID(str(each.row["id"])).version == 4 for each in arrived)


def test_the_registry_gives_the_schema_that_no_file_gives(topics: Topics) -> None:
    schema = topics.create([("word", "string"), ("amount", "int")])
    schema_id = topics.register(schema)
    result = produce(topics.order(schema, schemas=(), count=30, key="amount"))
    assert result.sent == 30
    arrived = topics.read(schema)
    assert {schema_id_of(each.value) for each in arrived} == {schema_id}
    assert all(each.key == str(each.row["amount"]).encode() for each in arrived)


def test_a_rate_is_held_and_a_duration_ends_it(topics: Topics) -> None:
    schema = topics.create()
    result = produce(topics.order(schema, duration=2.0, rate=500, threads=2))
    assert 0 < result.sent <= 1_002, "never more; less where the machine is too busy"
    assert result.seconds > 1.9


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"topics": ("no_such_topic",)}, SetupError, "topic no_such_topic does not exist"),
        ({"key": "nothing"}, SettingsError, "has no such field"),
        ({"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "connect_timeout": 2.0}, UnreachableError, "127.0.0.1:1"),
        ({"kafka": {"bootstrap.servers": "x:1", "linger.ms": "soon"}}, SettingsError, "configuration property"),
        ({"registry_url": "http://127.0.0.1:1"}, UnreachableError, "127.0.0.1:1"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_sent(
    topics: Topics, settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    schema = topics.create()
    with pytest.raises(error, match=text):
        produce(topics.order(schema, count=10, **settings))
    assert sum(topics.watermarks(schema["name"]).values()) == 0


SCRIPT = """
import json, sys
from workers.produce.producer import produce
from workers.produce.order import ProduceOrder

if __name__ == "__main__":
    kafka, registry, topic = {"bootstrap.servers": sys.argv[1]}, *sys.argv[2:]
    order = ProduceOrder(kafka=kafka, registry_url=registry, topics=(topic,), duration=600, rate=2000)
    print("go", flush=True)
    print(json.dumps(produce(order).to_json()), flush=True)
"""


@contextlib.contextmanager
def script_running(topics: Topics, topic: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that produces for minutes, in a process group of its own, once messages arrive."""
    script = folder / "run_producer.py"
    script.write_text(SCRIPT)
    running = subprocess.Popen(
        [sys.executable, script, topics.stack.bootstrap_servers, topics.stack.schema_registry_url, topic],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with running:
        try:
            eventually(lambda: sum(topics.watermarks(topic).values()) > 100, within=60)
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)


def test_nobody_outlives_a_killed_parent(topics: Topics, tmp_path: Path) -> None:
    schema = topics.create()
    topics.register(schema)
    with script_running(topics, schema["name"], tmp_path) as running:
        children = psutil.Process(running.pid).children(recursive=True)
        assert len(children) >= 2
        running.kill()
        assert eventually(lambda: not psutil.wait_procs(children, timeout=0.1)[1], within=30)


def test_a_signal_stops_it_cleanly_and_the_counts_hold(topics: Topics, tmp_path: Path) -> None:
    schema = topics.create()
    topics.register(schema)
    with script_running(topics, schema["name"], tmp_path) as running:
        os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does: the whole group
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    told = json.loads(out.splitlines()[-1])
    assert told["stopped"] is True
    assert told["failed"] == 0
    assert told["sent"] == sum(topics.watermarks(schema["name"]).values())
