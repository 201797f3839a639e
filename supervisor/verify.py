"""`rtpipe verify`: is everything consumed, and is the table what the topic says? Reads only, and judges by itself.

It shares names and column shapes with the writer and nothing else: messages come by a consumer of its own, are
decoded by fastavro, and meet the rows in the form of verify_values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from avro_schemas.errors import SettingsError
from avro_schemas.naming import group_for, subject_for, table_for
from avro_schemas.registry_client import Registry
from avro_schemas.table_layout import table_layout
from supervisor.verify_differences import Differences, RowJudge, judge_count, judge_offsets
from supervisor.verify_report import PartitionReport, TopicReport, VerifyProgress, VerifyReport
from supervisor.verify_rows import Message, compare_rows
from supervisor.verify_table import TableReader
from supervisor.verify_topic import Decoder, TopicReader
from supervisor.verify_values import Row, from_message

EACH = 5_000  #: items between two calls of the progress callback

Item = TypeVar("Item")
Progress = Callable[[VerifyProgress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOrder:
    """What to compare. kafka: librdkafka properties; database_url: the infra account's, for reading.

    tables and groups name a topic's table and consumer group where they are not the usual ones. With `values` every
    row is compared. `listed`: differences of a kind and topic that the report spells out.
    """

    kafka: Mapping[str, str] = field(repr=False)
    registry_url: str = field(repr=False)
    database_url: str = field(repr=False)
    topics: tuple[str, ...]
    values: bool = False
    tables: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    registry_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    listed: int = 20
    connect_timeout: float = 8.0  #: seconds for the first answer of Kafka and the database

    def __post_init__(self) -> None:
        if not self.topics:
            raise SettingsError("no topic to verify", hint="name one or more: --topics dataset1,dataset2")
        if "bootstrap.servers" not in self.kafka:
            raise SettingsError("no Kafka address", hint="set RTPIPE_BOOTSTRAP_SERVERS=host:port")


def verify(order: VerifyOrder, *, progress: Progress | None = None) -> VerifyReport:
    """Compare each topic with its table; `ok` if all is consumed and equal.

    By default: stored offsets against the watermarks read at the start, rows counted at commit against the table's.
    With `values` also every message up to the stored offset against every row. Offsets, counts and rows come from one
    snapshot of the database, so writers may go on meanwhile. Memory: see verify_rows; about 8 MB, and more only for
    what differs. Errors while checking are raised, never reported as equal or different: SettingsError,
    UnreachableError, AccessDeniedError, SchemaError, MessagesGoneError.
    """
    began = time.monotonic()
    with (
        TopicReader(order.kafka, timeout=order.connect_timeout) as messages,
        TableReader(order.database_url, timeout=order.connect_timeout) as rows,
    ):
        check = _Check(order, messages, rows, progress or (lambda _: None))
        topics = tuple(check.topic(topic) for topic in order.topics)
    return VerifyReport(topics, order.values, time.monotonic() - began)


class _Check:
    """One run over the topics of an order."""

    def __init__(self, order: VerifyOrder, messages: TopicReader, rows: TableReader, progress: Progress) -> None:
        self._order = order
        self._messages = messages
        self._rows = rows
        self._progress = progress

    def topic(self, topic: str) -> TopicReport:
        table = self._order.tables.get(topic) or table_for(topic)
        group = self._order.groups.get(topic) or group_for(topic)
        partitions, ends = self._partitions(topic, group)
        rows_in_table = self._rows.count(table)
        differences = Differences(topic, self._order.listed)
        judge_offsets(differences, topic, partitions, ends)
        judge_count(differences, table, partitions, rows_in_table)
        read = self._values(topic, table, partitions, ends, differences) if self._order.values else None
        return TopicReport(
            topic=topic,
            table=table,
            group=group,
            partitions=partitions,
            rows_in_table=rows_in_table,
            messages_read=read,
            differences=differences.listed,
            counts=dict(differences.counts),
            notes=tuple(_gone_note(at) for at in partitions if at.low and self._order.values),
        )

    def _partitions(self, topic: str, group: str) -> tuple[tuple[PartitionReport, ...], dict[int, int]]:
        """Each partition, and its end after the snapshot: a pipeline at work may be beyond the first watermark."""
        before = self._messages.watermarks(topic)
        self._rows.refresh()
        stored = self._rows.offsets(topic, group)
        after = self._messages.watermarks(topic)
        partitions = []
        for partition in sorted(before.keys() | stored.keys()):
            offset, rows_total, dead_total = stored.get(partition, (None, 0, 0))
            low, high = after.get(partition, (0, 0))[0], before.get(partition, (0, 0))[1]
            partitions.append(PartitionReport(partition, low, high, offset, rows_total, dead_total))
        return tuple(partitions), {partition: high for partition, (_, high) in after.items()}

    def _values(
        self,
        topic: str,
        table: str,
        partitions: tuple[PartitionReport, ...],
        ends: Mapping[int, int],
        differences: Differences,
    ) -> int:
        """Compare every row; the number of messages that were compared."""
        registry = Registry(self._order.registry_url, self._order.registry_config)
        _, schema = registry.latest(subject_for(topic))
        columns = table_layout(schema, table=table).columns
        decoder = Decoder(registry, from_message(columns))
        placed = self._rows.has_places(table)
        lows = {at.partition: at.low for at in partitions}
        ranges = {
            at.partition: (at.low, min(at.stored, ends[at.partition]))
            for at in partitions
            if at.stored is not None and at.partition in ends
        }
        to_read = sum(max(0, end - low) for low, end in ranges.values())

        def messages() -> Iterator[Message]:
            found = self._messages.messages(topic, ranges)
            decoded = (decoder.message(*message, placed=placed) for message in found)
            return self._told(decoded, topic, "messages", to_read)

        def rows() -> Iterator[Row]:
            found = self._rows.rows(table, columns, placed=placed)
            checkable = (row for row in found if not (placed and _is_older(row, lows)))
            return self._told(checkable, topic, "rows", sum(at.rows_total for at in partitions))

        findings = compare_rows(messages, rows)
        gone = sum(lows.values())
        counted = sum(at.rows_total for at in partitions)
        unverifiable = 0 if placed else max(0, min(gone, counted - findings.messages))
        judge = RowJudge(differences, topic, columns, placed=placed)
        judge.judge(findings, {at.partition: at.dead_total for at in partitions}, unverifiable)
        return findings.messages

    def _told(self, items: Iterable[Item], topic: str, stage: str, total: int) -> Iterator[Item]:
        """The items, with a word of progress now and then."""
        done = 0
        for done, item in enumerate(items, start=1):
            yield item
            if not done % EACH:
                self._progress(VerifyProgress(topic, stage, done, total))
        self._progress(VerifyProgress(topic, stage, done, total))


def _is_older(row: Row, lows: Mapping[int, int]) -> bool:
    """Whether a row that begins with partition and offset comes from a message that Kafka has deleted."""
    partition, offset = row[:2]
    return isinstance(partition, int) and isinstance(offset, int) and offset < lows.get(partition, 0)


def _gone_note(at: PartitionReport) -> str:
    return (
        f"partition {at.partition} begins at offset {at.low}: Kafka has deleted what was before (retention), "
        "so the values of those rows cannot be checked; their number is"
    )
