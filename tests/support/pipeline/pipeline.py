"""A pipeline of a test's own: fresh topics and tables, raw clients on both sides, the real command in between.

Nothing here uses rtpipe's own producer, consumer or verifier: the oracle counts what is in Kafka against what is in
the table, message by message.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import psutil
import pymysql
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from sqlalchemy.engine import make_url

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from avro_schemas.tables.rules import TableRules
from infra.provision.accounts import table_privileges
from infra.stack.state import Addresses
from infra.tables.ddl import create_table_sql
from supervisor.control.control_socket import ask_all, runtime_directory
from supervisor.settings.topic_settings import TopicSettings
from tests.support.faults.tally import TALLY
from tests.support.pipeline.producers import ordered_producer
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
Row = tuple[str, int, str]


def schema_named(name: str) -> dict[str, Any]:
    """`key` and `seq` (a sequence number per key) tell every message from every other one."""
    return {
        "type": "record",
        "name": name.replace("-", "_"),
        "namespace": "com.exam",
        "fields": [
            {"name": "key", "type": {"type": "string", "maxLength": 64}},
            {"name": "seq", "type": "long"},
            {"name": "payload", "type": "string"},
        ],
    }


def as_toml(value: Any) -> str:
    """A value for rtpipe.toml."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {as_toml(one)}" for name, one in value.items()) + "}"
    return json.dumps(value)


def connect(url: str, database: str | None = None) -> pymysql.Connection[Any]:
    """A raw autocommit connection; without TLS, for which PyMySQL would load all certificates each time."""
    where = make_url(url)
    return pymysql.connect(
        host=where.host or "127.0.0.1",
        port=where.port or 3306,
        user=where.username,
        password=str(where.password or ""),
        database=database or where.database or None,
        autocommit=True,
        ssl_disabled=True,
    )


@dataclass
class Pipeline:
    """`partitions` of each of `topics`; tables with `_kafka_partition` and `_kafka_offset` unless told otherwise."""

    addresses: Addresses
    directory: Path
    topics: list[str]
    partitions: int = 3
    metadata: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    database: str = "bank"
    topic_config: dict[str, str] = field(default_factory=dict)
    copies: int = 1  #: replicas of each partition
    _sequence: Counter[str] = field(default_factory=Counter)
    _schema_ids: dict[str, int] = field(default_factory=dict)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def create(self) -> None:
        """Subjects, topics, tables and grants."""
        with SchemaRegistryClient({"url": self.addresses.schema_registry_url}) as registry:
            for topic in self.topics:
                text = json.dumps(schema_named(topic))
                self._schema_ids[topic] = registry.register_schema(f"{topic}-value", Schema(text, "AVRO"))
        admin = AdminClient({"bootstrap.servers": self.addresses.bootstrap_servers})
        created = admin.create_topics(
            [NewTopic(topic, self.partitions, self.copies, config=self.topic_config) for topic in self.topics]
        )
        for future in created.values():
            future.result(30)
        with contextlib.closing(connect(self.addresses.admin_database_url, self.database)) as connection:
            cursor = connection.cursor()
            cursor.execute(create_table_sql(OFFSETS))
            cursor.execute(create_table_sql(DEAD_LETTERS))
            grantee = f"'{make_url(self.addresses.database_url).username}'@'%'"
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON {self.database}.kafka_offsets TO {grantee}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {self.database}.{DEAD_LETTERS.name} TO {grantee}")
            cursor.execute("SELECT VERSION()")
            mariadb = "mariadb" in str(cursor.fetchone()).lower()
            for topic in self.topics:
                layout = table_layout(schema_named(topic), table=topic, rules=self.rules)
                cursor.execute(create_table_sql(layout.table, mariadb=mariadb))
                privileges = ", ".join(table_privileges(topic, self.rules))
                cursor.execute(f"GRANT {privileges} ON {self.database}.`{topic}` TO {grantee}")
        self.write_settings()

    @property
    def rules(self) -> TableRules:
        """What the settings ask of each table."""
        place = {"metadata_columns": ("_kafka_partition", "_kafka_offset")} if self.metadata else {}
        return TopicSettings.model_validate(place | self.settings).rules()

    def write_settings(self) -> None:
        """rtpipe.toml in the pipeline's directory."""
        lines = ["[defaults]"]
        if self.metadata:
            lines.append('metadata_columns = ["_kafka_partition", "_kafka_offset"]')
        settings = {"on_error": "stop"} | self.settings
        lines += [f"{name} = {as_toml(value)}" for name, value in settings.items()]
        (self.directory / "rtpipe.toml").write_text("\n".join(lines) + "\n")

    def body(self, topic: str, key: str, seq: int, payload: str) -> bytes:
        """One message in the registry's wire format."""
        out = io.BytesIO()
        out.write(b"\0" + self._schema_ids[topic].to_bytes(4, "big"))
        schema = fastavro.parse_schema(schema_named(topic))
        fastavro.schemaless_writer(out, schema, {"key": key, "seq": seq, "payload": payload})
        return out.getvalue()

    def produce(self, count: int, *, keys: int = 50, payload: str = "x", producer: Producer | None = None) -> None:
        """`count` messages to each topic, each key's with a sequence of its own."""
        failed: list[str] = []
        producer = producer or ordered_producer(self.addresses.bootstrap_servers, {"linger.ms": 5})
        for topic in self.topics:
            for index in range(count):
                key = f"key-{index % keys}"
                self._sequence[f"{topic} {key}"] += 1
                value = self.body(topic, key, self._sequence[f"{topic} {key}"], payload)
                while True:
                    try:
                        producer.produce(
                            topic, value, key, on_delivery=lambda error, _: failed.append(str(error)) if error else None
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
                if index % 1_000 == 0:
                    producer.poll(0)
        assert producer.flush(60) == 0
        assert not failed, failed[:3]

    def send(self, topic: str, value: bytes | None, *, key: str = "raw", partition: int = 0) -> None:
        """One message with these very bytes."""
        producer = ordered_producer(self.addresses.bootstrap_servers)
        producer.produce(topic, value, key, partition=partition)
        assert producer.flush(30) == 0

    @contextlib.contextmanager
    def stream(self, rate: int = 2_000) -> Iterator[None]:
        """A producer that goes on in the background, about `rate` messages a second to each topic."""
        stop = threading.Event()
        patience = {"socket.timeout.ms": 5_000, "request.timeout.ms": 4_000}  # with a frozen broker
        producer = ordered_producer(self.addresses.bootstrap_servers, {"linger.ms": 5} | patience)

        def flow() -> None:
            while not stop.wait(0.05):
                self.produce(rate // 20, producer=producer)

        thread = threading.Thread(target=flow)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def environment(self) -> dict[str, str]:
        """What the command is told; passwords never stand in its arguments."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")}
        return inherited | {
            "RTPIPE_BOOTSTRAP_SERVERS": self.addresses.bootstrap_servers,
            "RTPIPE_SCHEMA_REGISTRY_URL": self.addresses.schema_registry_url,
            "RTPIPE_DATABASE_URL": self.addresses.database_url,
            "RTPIPE_INFRA_DATABASE_URL": self.addresses.infra_database_url,
            "RTPIPE_RUNTIME_DIR": str(self.directory / "run"),
            "RTPIPE_STATE_DIR": str(self.directory / "state"),
            "PYTHONPATH": str(ROOT),
        }

    def command(self, *arguments: str) -> list[str]:
        """`rtpipe …` of this checkout."""
        return [sys.executable, "-m", "rtpipe", *arguments]

    def run(
        self, *arguments: str, within: float = 120, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            check=False,
            cwd=self.directory,
            env=self.environment() | (env or {}),
            capture_output=True,
            text=True,
            timeout=within,
        )

    def supervise(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a supervisor in a session of its own; its log goes to `log` in the pipeline's directory."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command("supervise", "--topics", ",".join(self.topics), "--log-format", "json", *arguments),
                cwd=self.directory,
                env=self.environment() | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    @property
    def log(self) -> Path:
        """Everything that supervisors and workers logged."""
        return self.directory / "log"

    def entries(self) -> list[dict[str, Any]]:
        """The log; lines that are no JSON objects, such as those of a library, are passed over."""
        entries = []
        for line in self.log.read_text().splitlines() if self.log.exists() else []:
            with contextlib.suppress(ValueError):
                entries.append(json.loads(line))
        return [entry for entry in entries if isinstance(entry, dict)]

    def events(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind."""
        return [entry for entry in self.entries() if entry.get("event") == event]

    def status(self) -> list[dict[str, Any]]:
        """The partitions as `rtpipe status` gets them, by the same question; empty while no supervisor answers."""
        replies = ask_all(runtime_directory(self.directory / "run"), "status")
        return [partition for reply in replies for partition in reply["partitions"]]

    def kill_all(self) -> None:
        """Nothing of this pipeline is left, whatever the test did."""
        for process in family():
            if str(self.directory) in _safe_cwd(process):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        for started in self._processes:
            started.kill()
            started.wait(10)

    def processes(self) -> list[psutil.Process]:
        """Every process that runs in this pipeline's directory: supervisor, forkserver, consumers, writers."""
        return [process for process in family() if str(self.directory) in _safe_cwd(process)]

    def messages(self, topic: str) -> dict[tuple[int, int], Row]:
        """What an independent read_committed consumer finds: (partition, offset) -> key, seq, payload."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.addresses.bootstrap_servers,
                "group.id": f"oracle-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
            }
        )
        found: dict[tuple[int, int], Row] = {}
        schema = fastavro.parse_schema(schema_named(topic))
        try:
            for partition, (low, high) in self.watermarks(topic).items():
                consumer.assign([TopicPartition(topic, partition, low)])
                while consumer.position([TopicPartition(topic, partition)])[0].offset < high and low < high:
                    for message in consumer.consume(5_000, 1.0):
                        assert message.error() is None, message.error()
                        value = message.value()
                        assert value is not None
                        record: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
                        found[partition, message.offset() or 0] = (record["key"], record["seq"], record["payload"])
        finally:
            consumer.close()
        return found

    def watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        """Partition -> (low, high)."""
        consumer = Consumer({"bootstrap.servers": self.addresses.bootstrap_servers, "group.id": "oracle"})
        try:
            return {
                partition: watermarks_of(consumer, TopicPartition(topic, partition))
                for partition in range(self.partitions)
            }
        finally:
            consumer.close()

    def query(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Rows of one statement, as the admin."""
        with contextlib.closing(connect(self.addresses.admin_database_url, self.database)) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, arguments or None)
            return list(cursor.fetchall())

    def offsets(self, topic: str) -> dict[int, int]:
        """kafka_offsets: partition -> next offset."""
        return dict(self.query("SELECT `partition`, `offset` FROM kafka_offsets WHERE topic = %s", topic))

    def caught_up(self) -> bool:
        """Whether kafka_offsets equals the high watermarks."""
        return all(
            self.offsets(topic) == {partition: high for partition, (_, high) in self.watermarks(topic).items()}
            for topic in self.topics
        )

    def wait_caught_up(self, within: float = 90) -> None:
        """Until everything in the topics is in the tables."""
        eventually(self.caught_up, within=within, what="kafka_offsets equal the high watermarks")

    def assert_exact(self) -> int:
        """Rows equal messages, each once, values equal, in order; returns how many there are."""
        total = 0
        for topic in self.topics:
            source = self.messages(topic)
            if self.metadata:
                rows = self.query(f"SELECT _kafka_partition, _kafka_offset, `key`, seq, payload FROM `{topic}`")
                total += TALLY.compare(source.items(), (((row[0], row[1]), row[2:]) for row in rows))
            else:
                total += TALLY.compare(source.values(), self.query(f"SELECT `key`, seq, payload FROM `{topic}`"))
            self._assert_order(source)
            assert self.offsets(topic) == {partition: high for partition, (_, high) in self.watermarks(topic).items()}
        return total

    @staticmethod
    def _assert_order(source: dict[tuple[int, int], Row]) -> None:
        last: dict[str, int] = {}
        for _, (key, seq, _payload) in sorted(source.items()):
            assert seq > last.get(key, 0), f"{key} out of order"
            last[key] = seq


def watermarks_of(consumer: Consumer, where: TopicPartition) -> tuple[int, int]:
    """(low, high), asked again while a topic made a moment ago has no leader that knows it."""

    def ask() -> tuple[int, int] | None:
        try:
            return consumer.get_watermark_offsets(where, timeout=20)
        except KafkaException:
            return None

    found = eventually(ask, within=60, what=f"the watermarks of {where.topic}")
    assert found is not None
    return found


def family() -> list[psutil.Process]:
    """All processes of this user that run Python."""
    return [process for process in psutil.process_iter(["name"]) if "python" in (process.info["name"] or "")]


def _safe_cwd(process: psutil.Process) -> str:
    try:
        return process.cwd() if process.status() != psutil.STATUS_ZOMBIE else ""
    except psutil.Error:
        return ""


def kill(pid: int) -> None:
    """kill -9; nothing if it has ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        TALLY.hit()


@contextlib.contextmanager
def running_pipeline(
    addresses: Addresses,
    directory: Path,
    *,
    topics: int = 1,
    partitions: int = 3,
    metadata: bool = True,
    copies: int = 1,
    topic_config: dict[str, str] | None = None,
    **settings: Any,
) -> Iterator[Pipeline]:
    """A pipeline on topics that nobody else has; all its processes are gone afterwards."""
    names = [f"t{uuid.uuid4().hex[:10]}" for _ in range(topics)]
    pipeline = Pipeline(addresses, directory, names, partitions, metadata, settings, "bank", topic_config or {}, copies)
    pipeline.create()
    try:
        yield pipeline
    finally:
        pipeline.kill_all()
