"""A topic and its table, filled side by side by raw clients: no writer of rtpipe has part in it."""

from __future__ import annotations

import contextlib
import datetime
import io
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fastavro
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateTable

from avro_schemas.avro.wire_format import pack
from avro_schemas.naming import group_for
from avro_schemas.registry.client import Registry
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from avro_schemas.tables.rules import TableRules
from supervisor.schemas.shared_registry import SharedRegistry
from supervisor.verify.outcome.report import VerifyReport
from supervisor.verify.verify import VerifyOrder, verify
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.raw_clients import connect

if TYPE_CHECKING:
    from infra.stack.state import Addresses


PARTITIONS = 3


PLACES = ("_kafka_partition", "_kafka_offset")


FIELDS: list[tuple[str, Any]] = [
    ("key_field", "string"),
    ("count", "long"),
    ("small", "int"),
    ("flag", "boolean"),
    ("ratio", "float"),
    ("exact", "double"),
    ("amount", {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 2}),
    ("day", {"type": "int", "logicalType": "date"}),
    ("clock", {"type": "long", "logicalType": "time-micros"}),
    ("ms", {"type": "long", "logicalType": "timestamp-millis"}),
    ("us", {"type": "long", "logicalType": "timestamp-micros"}),
    ("id", {"type": "string", "logicalType": "uuid"}),
    ("raw", "bytes"),
    ("code", {"type": "fixed", "name": "code_t", "size": 4}),
    ("word", ["null", {"type": "string", "maxLength": 20}]),
    ("price", [{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}, "null"]),
]


def sample(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """(record for fastavro, values for the driver)."""
    rng = random.Random(number)
    micros = rng.choice([rng.randrange(86_400_000_000), -1_500_001, 90_000_000_007])
    seen = rng.randrange(-(10**15), 4 * 10**15)
    record: dict[str, Any] = {
        "key_field": f"key-{number % 7}-ä€𝄞'\\",
        "count": rng.choice([rng.randrange(-(1 << 63), 1 << 63), 0, -(1 << 63)]),
        "small": rng.randrange(1 - (1 << 31), 1 << 31),
        "flag": rng.random() < 0.5,
        "ratio": rng.choice([16_777_217.0, 0.1, 3.4e38, rng.uniform(-1, 1)]),
        "exact": rng.choice([5e-324, 1.7976931348623157e308, 0.1 + 0.2, -0.0, rng.random()]),
        "amount": Decimal(rng.randrange(-(10**35), 10**35)).scaleb(-2),
        "day": rng.randrange(-700_000, 2_900_000),
        "clock": micros,
        "ms": seen // 1000,
        "us": seen,
        "id": str(uuid.UUID(int=rng.getrandbits(128))),
        "raw": rng.randbytes(rng.randrange(9)),
        "code": rng.randbytes(4),
        "word": rng.choice([None, "", "NULL", "x\x00\n\t"]),
        "price": rng.choice([None, Decimal("0.000"), Decimal("-999999.999")]),
    }
    epoch = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 -- DATETIME has no zone
    total, fraction = divmod(abs(micros), 1_000_000)
    values = {
        **record,
        "day": (epoch + datetime.timedelta(days=record["day"])).date(),
        "clock": f"{'-' if micros < 0 else ''}{total // 3600}:{total // 60 % 60}:{total % 60}.{fraction:06}",
        "ms": epoch + datetime.timedelta(milliseconds=record["ms"]),
        "us": epoch + datetime.timedelta(microseconds=record["us"]),
    }
    return record, values


def registry_at(url: str) -> SharedRegistry:
    return SharedRegistry(lambda: Registry(url))


@dataclass
class FilledTopic:
    """A topic and its table, filled side by side; `rows` are the driver's values with partition and offset."""

    stack: Addresses
    topic: str
    placed: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kafka: dict[str, Any] = {"bootstrap.servers": self.stack.bootstrap_servers}
        self.admin = AdminClient(self.kafka)
        self.admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])[self.topic].result()
        schema = {"type": "record", "name": "row", "fields": [{"name": n, "type": t} for n, t in FIELDS]}
        self.schema = fastavro.parse_schema(schema)
        with contextlib.closing(Registry(self.stack.schema_registry_url)) as registry:
            self.header = pack(registry.register(f"{self.topic}-value", schema))
        layout = table_layout(schema, table=self.topic, rules=TableRules(metadata=PLACES if self.placed else ()))
        engine = create_engine(self.stack.infra_database_url)
        layout.table.create(engine)
        with engine.begin() as connection:
            for table in (OFFSETS, DEAD_LETTERS):  # another test may make them at the same time
                connection.execute(CreateTable(table, if_not_exists=True))
        engine.dispose()

    def encoded(self, record: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.schema, record)
        return self.header + out.getvalue()

    def send(self, *messages: bytes | None, **settings: Any) -> list[tuple[int, int]]:
        """Where each message went, in their order."""
        producer = ordered_producer(self.stack.bootstrap_servers, settings)
        places: dict[int, tuple[int, int]] = {}

        def told(number: int) -> Callable[[Any, Any], None]:
            return lambda _, message: places.update({number: (message.partition(), message.offset())})

        for number, message in enumerate(messages):
            producer.produce(self.topic, message, partition=number % PARTITIONS, on_delivery=told(number))
        producer.flush(30)
        return [places[number] for number in range(len(messages))]

    def fill(self, numbers: range | list[int]) -> None:
        """Messages into the topic, their rows into the table, the offsets into kafka_offsets."""
        made = [sample(number) for number in numbers]
        places = self.send(*(self.encoded(record) for record, _ in made))
        for (_, values), place in zip(made, places, strict=True):
            self.rows.append({**values, **dict(zip(PLACES, place, strict=True))})
        self.insert(self.rows[-len(made) :])
        for partition in range(PARTITIONS):
            mine = [row for row in self.rows if row[PLACES[0]] == partition]
            self.store(partition, max((row[PLACES[1]] for row in mine), default=-1) + 1, rows_total=len(mine))

    def insert(self, rows: list[dict[str, Any]]) -> None:
        names = [*(name for name, _ in FIELDS), *(PLACES if self.placed else ())]
        columns = ", ".join(f"`{name}`" for name in names)
        marks = ", ".join(["%s"] * len(names))
        self.sql(*((f"INSERT INTO `{self.topic}` ({columns}) VALUES ({marks})", [r[n] for n in names]) for r in rows))

    def store(self, partition: int, offset: int, *, rows_total: int, dead_total: int = 0) -> None:
        columns = "topic, `partition`, consumer_group, `offset`, rows_total, dead_total"
        values = [self.topic, partition, group_for(self.topic), offset, rows_total, dead_total]
        self.sql((f"REPLACE INTO kafka_offsets ({columns}) VALUES (%s, %s, %s, %s, %s, %s)", values))

    def add_letter(self, partition: int, offset: int, value: bytes | None) -> None:
        columns = "topic, `partition`, consumer_group, topic_id, `offset`, value, error_name, error_text, table_name"
        values = [self.topic, partition, group_for(self.topic), "id", offset, value, "E_DECODE", "why", self.topic]
        marks = ", ".join(["%s"] * len(values))
        self.sql(
            ("UPDATE kafka_offsets SET topic_id = 'id' WHERE topic = %s", [self.topic]),
            (f"INSERT INTO {DEAD_LETTERS.name} ({columns}, written_at) VALUES ({marks}, UTC_TIMESTAMP(6))", values),
        )

    def sql(self, *statements: tuple[str, list[Any]]) -> list[int]:
        """Run as root; the rows that each changed."""
        with connect(self.stack.admin_database_url, "bank") as connection, connection.cursor() as cursor:
            return [cursor.execute(*statement) for statement in statements]

    def change(self, statement: str, row: dict[str, Any]) -> None:
        """Run a statement on the one row with these `id`."""
        assert self.sql((f"{statement} WHERE id = %s LIMIT 1", [row["id"]])) == [1]

    def verify(self, *, values: bool = True, **settings: Any) -> VerifyReport:
        order = {
            "kafka": self.kafka,
            "registry": registry_at(self.stack.schema_registry_url),
            "database_url": self.stack.infra_database_url,
            "topics": (self.topic,),
            "values": values,
        }
        return verify(VerifyOrder(**{**order, **settings}))

    def place(self, row: dict[str, Any]) -> tuple[int, int]:
        return row[PLACES[0]], row[PLACES[1]]
