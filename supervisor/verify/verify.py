"""`rtpipe verify`: is everything consumed, and is the table what the topic says? Reads only, and judges by itself.

It shares column shapes, decoder and the texts of nested values with the writer and nothing else: messages come by a
consumer of its own and meet the rows in one form (forms/values.py).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from avro_schemas.naming import group_for, table_for
from avro_schemas.registry.subject_names import USUAL, SubjectNames
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.rules import PLAIN, TableRules
from infra.tables.database import account_of
from infra.tables.table_session import connected
from rtpipe.errors import SettingsError
from supervisor.kafka.topic_reader import TopicReader
from supervisor.schemas.shared_registry import SharedRegistry
from supervisor.verify.outcome.count_judge import judge_count, judge_offsets
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import PartitionReport, TopicReport, VerifyReport
from supervisor.verify.table.columns import TableColumns
from supervisor.verify.table.table_snapshot import TableReader
from supervisor.verify.topic.schemas import schemas_of
from supervisor.verify.topic_comparison import Progress, ValueComparison


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOrder:
    """What to compare. kafka: librdkafka properties; database_url: the infra account's, for reading; the files of both
    are read again at each connection.

    tables, groups and rules name a topic's table, consumer group and rules where they are not the usual ones. With
    `values` every row is compared. `listed`: differences of a kind and topic that the report spells out.
    """

    kafka: Mapping[str, str] = field(repr=False)
    registry: SharedRegistry = field(repr=False)
    database_url: str = field(repr=False)
    topics: tuple[str, ...]
    kafka_file: str = ""
    database_url_file: str = ""
    values: bool = False
    tables: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    subjects: Mapping[str, SubjectNames] = field(default_factory=dict)  #: topic -> where its schemas are registered
    rules: Mapping[str, TableRules] = field(default_factory=dict)  #: topic -> what its settings ask of the table
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
    snapshot of the database, so writers may go on meanwhile. Memory does not grow with the topic, but for what differs,
    dead letters and, in upsert mode, keys: matching/rows.py. Errors while checking are raised, never reported as equal
    or different: SettingsError, UnreachableError, AccessDeniedError, SchemaError, MessagesGoneError, TemporaryError.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as opened:
        seconds = order.connect_timeout
        messages = opened.enter_context(TopicReader(order.kafka, timeout=seconds, file=order.kafka_file))
        rows = opened.enter_context(TableReader(order.database_url, timeout=seconds, file=order.database_url_file))
        opened.callback(order.registry.drop)
        check = _Check(order, messages, rows, progress or (lambda _: None))
        topics = tuple(check.topic(topic) for topic in order.topics)
    return VerifyReport(topics, order.values, time.monotonic() - began)


class _Check:
    """One run over the topics of an order."""

    def __init__(
        self,
        order: VerifyOrder,
        messages: TopicReader,
        rows: TableReader,
        progress: Progress,
    ) -> None:
        self._order = order
        self._messages = messages
        self._rows = rows
        self._progress = progress

    def topic(self, topic: str) -> TopicReport:
        table = self._order.tables.get(topic) or table_for(topic)
        group = self._order.groups.get(topic) or group_for(topic)
        partitions, ends = self._partitions(topic, group)
        report = TopicReport(
            topic=topic, table=table, group=group, partitions=partitions, rows_in_table=self._rows.count(table)
        )
        differences = Differences(topic, self._order.listed)
        judge_offsets(differences, topic, partitions, ends)
        if self._order.values:
            schemas = TopicSchemas(self._order.registry.current, topic, self._order.subjects.get(topic, USUAL))
            columns = self._columns(schemas, report, _consumed(partitions, ends))
            comparison = ValueComparison(report, _consumed(partitions, ends), schemas, columns, self._rules(topic))
            read = comparison.run(self._messages, self._rows, differences, self._progress)
            notes = [_gone_note(at) for at in partitions if at.low]
            notes += [f"column {name} is not compared: it may change values (lossy)" for name in columns.lossy]
            report = replace(report, messages_read=read, notes=tuple(notes))
        if self._rules(topic).mode == "insert":  # else several messages may be one row
            judge_count(differences, table, partitions, report.rows_in_table)
        return replace(report, differences=differences.listed, counts=dict(differences.counts))

    def _rules(self, topic: str) -> TableRules:
        return self._order.rules.get(topic, PLAIN)

    def _columns(
        self, schemas: TopicSchemas, report: TopicReport, ranges: Mapping[int, tuple[int, int]]
    ) -> TableColumns:
        """The columns of all versions of the topic's schema, as the table has them now."""
        table, rules = report.table, self._rules(report.topic)
        order = self._order
        account = account_of(order.database_url, "RTPIPE_INFRA_DATABASE_URL", order.database_url_file)
        with connected(account, account.database, table) as session:
            found = session.look()
        known = schemas_of(schemas, self._messages, report.topic, ranges, (found, rules))
        return TableColumns(known, table, found, rules)

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


def _consumed(partitions: Iterable[PartitionReport], ends: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """{partition: (first offset, end)} of the messages that should have rows by now."""
    return {
        at.partition: (at.low, min(at.stored, ends[at.partition]))
        for at in partitions
        if at.stored is not None and at.partition in ends
    }


def _gone_note(at: PartitionReport) -> str:
    return (
        f"partition {at.partition} begins at offset {at.low}: Kafka has deleted what was before (retention), "
        "so the values of those rows cannot be checked; their number is"
    )
