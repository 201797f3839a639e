"""The oracle: what is in Kafka against what is in the tables, message by message."""

from __future__ import annotations

import contextlib
import io
import uuid
from typing import Any

import fastavro
from confluent_kafka import Consumer, TopicPartition

from tests.support.faults.tally import TALLY
from tests.support.pipeline.parts.topics_and_tables import TopicsAndTables, schema_named
from tests.support.pipeline.raw_clients import connect, watermarks_of
from tests.support.waits import eventually

Row = tuple[str, int, str]


class Oracle(TopicsAndTables):
    """Nothing here uses rtpipe's own consumer or verifier."""

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
            if self.settings.get("journal"):
                self.assert_journal(topic)
        return total

    def journal(self, topic: str) -> dict[int, list[tuple[Any, ...]]]:
        """Partition -> its rows, in their order: kind, first and next offset, messages, rows, dead letters."""
        columns = "`partition`, kind, first_offset, next_offset, messages, rows_written, dead_letters"
        found: dict[int, list[tuple[Any, ...]]] = {}
        for partition, *kept in self.query(f"SELECT {columns} FROM rtpipe_journal WHERE topic = %s ORDER BY id", topic):
            found.setdefault(partition, []).append(tuple(kept))
        return found

    def assert_journal(self, topic: str) -> None:
        """Each row begins where the one before it ended, up to the stored offset; the sums are what is stored."""
        rows, journal = 0, self.journal(topic)
        columns = "`partition`, `offset`, rows_total, dead_total"
        for partition, *stored in self.query(f"SELECT {columns} FROM kafka_offsets WHERE topic = %s", topic):
            kept = journal.pop(partition, [])
            ends = [0, *(row[2] for row in kept)]
            assert [row[1] for row in kept] == ends[:-1]
            assert stored == [ends[-1], sum(row[4] for row in kept), sum(row[5] for row in kept)]
            rows += stored[1]
        assert not journal
        assert [(rows,)] == self.query(f"SELECT COUNT(*) FROM `{topic}`")

    @staticmethod
    def _assert_order(source: dict[tuple[int, int], Row]) -> None:
        last: dict[str, int] = {}
        for _, (key, seq, _payload) in sorted(source.items()):
            assert seq > last.get(key, 0), f"{key} out of order"
            last[key] = seq
