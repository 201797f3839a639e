"""What people write first: one process, AvroDeserializer, executemany, offsets in the transaction of the rows.

Settings come from the environment as for rtpipe; it runs until it is terminated. With one message a transaction it is
the other thing that people write first.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from sqlalchemy import JSON, Insert, MetaData, Table, create_engine
from sqlalchemy.dialects.mysql import insert


def main(topics: list[str], partitions: int, batch: int, *, upsert: bool) -> None:
    """Consume every partition of `topics` from its beginning into the tables of their names."""
    engine = create_engine(os.environ["RTPIPE_DATABASE_URL"])
    metadata = MetaData()
    tables = {topic: Table(topic, metadata, autoload_with=engine) for topic in topics}
    offsets = Table("kafka_offsets", metadata, autoload_with=engine)
    decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["RTPIPE_SCHEMA_REGISTRY_URL"]}))
    contexts = {topic: SerializationContext(topic, MessageField.VALUE) for topic in topics}
    statements = {topic: _statement(table, upsert=upsert) for topic, table in tables.items()}
    texts = {topic: _json_fields(table) for topic, table in tables.items()}
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["RTPIPE_BOOTSTRAP_SERVERS"],
            "group.id": "plain-loop",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 20,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for topic in topics for partition in range(partitions)])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    moved = insert(offsets)
    moved = moved.on_duplicate_key_update(offset=moved.inserted.offset)
    while True:
        rows: dict[str, list[dict[str, Any]]] = {}
        ends: dict[tuple[str, int], int] = {}
        for message in consumer.consume(batch, 0.5):
            if message.error():
                continue
            topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
            record = decode(message.value(), contexts[topic])
            rows.setdefault(topic, []).append(record | {name: json.dumps(record[name]) for name in texts[topic]})
            ends[topic, partition] = offset + 1
        if not rows:
            continue
        with engine.begin() as connection:
            for topic, some in rows.items():
                connection.execute(statements[topic], some)
            connection.execute(
                moved,
                [
                    {"topic": topic, "partition": partition, "consumer_group": f"group-{topic}", "offset": end}
                    for (topic, partition), end in ends.items()
                ],
            )


def _statement(table: Table, *, upsert: bool) -> Insert:
    if not upsert:
        return table.insert()
    statement = insert(table)
    return statement.on_duplicate_key_update({column.name: statement.inserted[column.name] for column in table.columns})


def _json_fields(table: Table) -> list[str]:
    """Fields of the nested shape, unless SQLAlchemy itself makes JSON of them (it does on MySQL, not on MariaDB)."""
    nested = ("customer", "items", "tags")
    return [one.name for one in table.columns if one.name in nested and not isinstance(one.type, JSON)]


if __name__ == "__main__":
    main(sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3]), upsert=sys.argv[4] == "upsert")
