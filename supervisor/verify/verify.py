"""`rtpipe verify`: is everything consumed, and is the table what the topic says? Reads only, and judges by itself.

It shares column shapes, decoder and the texts of nested values with the writer and nothing else: messages come by a
consumer of its own and meet the rows in the form of verify_values.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.types import ColumnShape
from avro_schemas.naming import group_for, table_for
from avro_schemas.registry.client import Registry
from avro_schemas.registry.subject_names import USUAL, SubjectNames
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.metadata_columns import DELETED_COLUMN, METADATA_TYPES
from avro_schemas.tables.rules import PLAIN, TableRules
from infra.tables.database import account_of
from infra.tables.table_session import connected
from rtpipe.errors import SettingsError
from supervisor.verify.columns import TableColumns
from supervisor.verify.dead_letters import Letters
from supervisor.verify.decoder import Decoder
from supervisor.verify.differences import Differences, RowJudge, judge_count, judge_offsets
from supervisor.verify.latest_by_key import TopicFold
from supervisor.verify.report import PartitionReport, TopicReport, VerifyProgress, VerifyReport
from supervisor.verify.rows import Message, compare_rows
from supervisor.verify.schemas import schemas_of
from supervisor.verify.table_snapshot import TableReader
from supervisor.verify.topic_reader import Place, TopicReader
from supervisor.verify.values import Row

Item = TypeVar("Item")
Progress = Callable[[VerifyProgress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOrder:
    """What to compare. kafka: librdkafka properties; database_url: the infra account's, for reading.

    tables, groups and rules name a topic's table, consumer group and rules where they are not the usual ones. With
    `values` every row is compared. `listed`: differences of a kind and topic that the report spells out.
    """

    kafka: Mapping[str, str] = field(repr=False)
    registry_url: str = field(repr=False)
    database_url: str = field(repr=False)
    topics: tuple[str, ...]
    values: bool = False
    tables: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    subjects: Mapping[str, SubjectNames] = field(default_factory=dict)  #: topic -> where its schemas are registered
    rules: Mapping[str, TableRules] = field(default_factory=dict)  #: topic -> what its settings ask of the table
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
    snapshot of the database, so writers may go on meanwhile. Memory: see rows.py; about 8 MB, and more only for
    what differs. Errors while checking are raised, never reported as equal or different: SettingsError,
    UnreachableError, AccessDeniedError, SchemaError, MessagesGoneError.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as opened:
        messages = opened.enter_context(TopicReader(order.kafka, timeout=order.connect_timeout))
        rows = opened.enter_context(TableReader(order.database_url, timeout=order.connect_timeout))
        registry = None
        if order.values:
            registry = opened.enter_context(contextlib.closing(Registry(order.registry_url, order.registry_config)))
        check = _Check(order, messages, rows, registry, progress or (lambda _: None))
        topics = tuple(check.topic(topic) for topic in order.topics)
    return VerifyReport(topics, order.values, time.monotonic() - began)


#: The column of soft deletion, compared like a field's.
DELETED = ColumnShape(
    field=DELETED_COLUMN,
    path=(DELETED_COLUMN,),
    name=DELETED_COLUMN,
    of=FieldType("int"),
    type=METADATA_TYPES[DELETED_COLUMN](),
    nullable=False,
    comment=None,
    records={},
)


class _Check:
    """One run over the topics of an order."""

    def __init__(
        self,
        order: VerifyOrder,
        messages: TopicReader,
        rows: TableReader,
        registry: Registry | None,
        progress: Progress,
    ) -> None:
        """`registry`: None if values are not to be compared."""
        self._order = order
        self._messages = messages
        self._rows = rows
        self._registry = registry
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
        if self._registry is not None:
            read, lossy = self._values(self._registry, report, ends, differences)
            notes = [_gone_note(at) for at in partitions if at.low]
            notes += [f"column {name} is not compared: it may change values (lossy)" for name in lossy]
            report = replace(report, messages_read=read, notes=tuple(notes))
        if self._rules(topic).mode == "insert":  # else several messages may be one row
            judge_count(differences, table, partitions, report.rows_in_table)
        return replace(report, differences=differences.listed, counts=dict(differences.counts))

    def _rules(self, topic: str) -> TableRules:
        return self._order.rules.get(topic, PLAIN)

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
        registry: Registry,
        report: TopicReport,
        ends: Mapping[int, int],
        differences: Differences,
    ) -> tuple[int, tuple[str, ...]]:
        """Compare every row; the number of messages that were compared, and the columns that were not."""
        topic, table, partitions, rules = report.topic, report.table, report.partitions, self._rules(report.topic)
        schemas = TopicSchemas(registry, topic, self._order.subjects.get(topic, USUAL))
        ranges = _consumed(partitions, ends)
        compared = self._columns(schemas, report, ranges)
        soft = rules.tombstones == "soft_delete"
        columns = (*compared.columns, *([DELETED] if soft else []))
        decoder = Decoder(schemas, compared, rules)
        placed = self._rows.has_places(table)
        lows = {at.partition: at.low for at in partitions}
        kept = self._rows.letters(topic, report.group)
        letters = Letters(kept or {})
        to_read = sum(max(0, end - low) for low, end in ranges.values())

        def places() -> Iterator[list[Place]]:
            for batch in self._told(self._messages.messages(topic, ranges), topic, "messages", to_read):
                alive = [place for place in batch if not letters.have(place)]
                yield [place for place in alive if place[2] is not None] if rules.tombstones == "ignore" else alive

        fold = TopicFold(places(), decoder, soft=soft) if rules.mode == "upsert" else None

        def messages() -> Iterator[list[Message]]:
            for batch in places():
                if fold is not None:
                    yield list(fold.messages(batch, placed=placed))
                else:
                    yield [decoder.message(place, placed=placed) for place in batch]

        def rows() -> Iterator[list[Row]]:
            found = self._rows.rows(table, columns, placed=placed)
            for batch in self._told(found, topic, "rows", report.rows_in_table):
                yield [row for row in batch if not _is_older(row, lows)] if placed else batch

        findings = compare_rows(messages, rows)
        unverifiable = 0 if placed else max(0, min(sum(lows.values()), report.rows_total - findings.messages))
        if fold is not None and any(lows.values()):  # keys whose last message is older than the topic's beginning
            unverifiable = report.rows_in_table
        judge = RowJudge(differences, topic, columns, placed=placed)
        # Where letters are kept, a message without a row and without one is missing.
        dead = {at.partition: at.dead_total for at in partitions} if kept is None else {}
        judge.judge(findings, dead, unverifiable)
        letters.judge(differences, topic)
        if fold is not None:
            fold.keys.judge(differences, topic)
        return findings.messages + letters.found.total(), compared.lossy

    def _columns(
        self, schemas: TopicSchemas, report: TopicReport, ranges: Mapping[int, tuple[int, int]]
    ) -> TableColumns:
        """The columns of all versions of the topic's schema, as the table has them now."""
        table, rules = report.table, self._rules(report.topic)
        account = account_of(self._order.database_url, "RTPIPE_INFRA_DATABASE_URL")
        with connected(account, account.database, table) as session:
            found = session.look()
        known = schemas_of(schemas, self._messages, report.topic, ranges, (found, rules))
        return TableColumns(known, table, found, rules)

    def _told(self, batches: Iterable[list[Item]], topic: str, stage: str, total: int) -> Iterator[list[Item]]:
        """The batches, with a word of progress after each."""
        done = 0
        for batch in batches:
            yield batch
            done += len(batch)
            self._progress(VerifyProgress(topic, stage, done, total))


def _consumed(partitions: Iterable[PartitionReport], ends: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """{partition: (first offset, end)} of the messages that should have rows by now."""
    return {
        at.partition: (at.low, min(at.stored, ends[at.partition]))
        for at in partitions
        if at.stored is not None and at.partition in ends
    }


def _is_older(row: Row, lows: Mapping[int, int]) -> bool:
    """Whether a row that begins with partition and offset comes from a message that Kafka has deleted."""
    partition, offset = row[:2]
    return isinstance(partition, int) and isinstance(offset, int) and offset < lows.get(partition, 0)


def _gone_note(at: PartitionReport) -> str:
    return (
        f"partition {at.partition} begins at offset {at.low}: Kafka has deleted what was before (retention), "
        "so the values of those rows cannot be checked; their number is"
    )
