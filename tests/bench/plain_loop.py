"""The competitor: what people write first. One process, AvroDeserializer, executemany, offsets in the transaction.

Settings come from the environment as for rtpipe; it runs until it is terminated.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from sqlalchemy import MetaData, Table, create_engine
from sqlalchemy.dialects.mysql import insert

BATCH = 5_000


def main(topics: list[str], partitions: int) -> None:
    """Consume every partition of `topics` from its beginning into the tables of their names."""
    engine = create_engine(os.environ["RTPIPE_DATABASE_URL"])
    metadata = MetaData()
    tables = {topic: Table(topic, metadata, autoload_with=engine) for topic in topics}
    offsets = Table("kafka_offsets", metadata, autoload_with=engine)
    decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["RTPIPE_SCHEMA_REGISTRY_URL"]}))
    contexts = {topic: SerializationContext(topic, MessageField.VALUE) for topic in topics}
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
    while True:
        rows: dict[str, list[dict[str, Any]]] = {}
        ends: dict[tuple[str, int], int] = {}
        for message in consumer.consume(BATCH, 0.5):
            if message.error():
                continue
            topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
            rows.setdefault(topic, []).append(decode(message.value(), contexts[topic]))
            ends[topic, partition] = offset + 1
        if not rows:
            continue
        with engine.begin() as connection:
            for topic, some in rows.items():
                connection.execute(tables[topic].insert(), some)
            upsert = insert(offsets)
            connection.execute(
                upsert.on_duplicate_key_update(offset=upsert.inserted.offset),
                [
                    {"topic": topic, "partition": partition, "consumer_group": f"group-{topic}", "offset": end}
                    for (topic, partition), end in ends.items()
                ],
            )


if __name__ == "__main__":
    main(sys.argv[1].split(","), int(sys.argv[2]))
