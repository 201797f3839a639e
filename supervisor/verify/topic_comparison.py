"""Every message of a topic against every row of its table: the part of `rtpipe verify` that `--values` asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.metadata_columns import DELETED_COLUMN, METADATA_TYPES
from avro_schemas.tables.rules import TableRules
from supervisor.kafka.topic_reader import TopicMessage, TopicReader
from supervisor.verify.forms.values import Row
from supervisor.verify.helpers.helper_process import Readers
from supervisor.verify.helpers.helpers import Helpers
from supervisor.verify.matching.rows import Findings, Message, Sides, compare_rows, look_closer
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import TopicReport, VerifyProgress
from supervisor.verify.outcome.row_judge import RowJudge
from supervisor.verify.table.columns import TableColumns
from supervisor.verify.table.row_reader import RowPackets, RowReader
from supervisor.verify.table.table_snapshot import TableReader
from supervisor.verify.topic.dead_letters import DeadLetters
from supervisor.verify.topic.decoder import Decoder
from supervisor.verify.topic.latest_by_key import LatestByKey

Item = TypeVar("Item")
Progress = Callable[[VerifyProgress], None]

#: Messages and rows together from which on helpers are worth their start.
HELPED_FROM = 200_000
#: The column of soft deletion, compared like a field's.
_DELETED = ColumnShape(
    field=DELETED_COLUMN,
    path=(DELETED_COLUMN,),
    name=DELETED_COLUMN,
    of=FieldType("int"),
    type=METADATA_TYPES[DELETED_COLUMN](),
    nullable=False,
    comment=None,
    records={},
)


class ValueComparison:
    """The messages and rows of one topic. `ranges`: {partition: (first offset, end)} of what should have rows."""

    def __init__(
        self,
        report: TopicReport,
        ranges: Mapping[int, tuple[int, int]],
        schemas: TopicSchemas,
        columns: TableColumns,
        rules: TableRules,
    ) -> None:
        self._report = report
        self._ranges = ranges
        self._lows = {partition.partition: partition.low for partition in report.partitions}
        self._soft = rules.tombstones == "soft_delete"
        self._rules = rules
        self._columns = (*columns.columns, *([_DELETED] if self._soft else []))
        self._decoder = Decoder(schemas, columns, rules)

    def run(self, topic: TopicReader, table: TableReader, differences: Differences, progress: Progress) -> int:
        """Compare all of them, add what differs; how many messages were compared."""
        report = self._report
        rows = RowReader(self._columns, table.has_position(report.table), self._lows)
        kept = table.dead_letters(report.topic, report.group)
        read = _Reading(self._ranges, topic, table, report, rows, progress, DeadLetters(kept or {}), self._rules)
        latest = None
        if self._rules.mode == "upsert":
            latest = LatestByKey(read.messages(), self._decoder, soft=self._soft)

        def messages() -> Iterator[list[Message]]:
            for batch in read.messages():
                if latest is not None:
                    yield list(latest.messages(batch, with_position=rows.with_position))
                else:
                    yield self._decoder.messages(batch, with_position=rows.with_position)

        if read.total + report.rows_in_table >= HELPED_FROM:
            findings = look_closer(self._helped(read, messages() if latest else None), messages, read.rows)
        else:
            findings = compare_rows(messages, read.rows)
        # Where dead letters are kept, a message without a row and without one is missing.
        dead = {partition.partition: partition.dead_total for partition in report.partitions} if kept is None else {}
        judge = RowJudge(differences, report.topic, self._columns, with_position=rows.with_position)
        judge.judge(findings, dead, self._unverifiable(findings, with_position=rows.with_position))
        read.dead_letters.judge(differences, report.topic)
        if latest is not None:
            latest.keys.judge(differences, report.topic)
        return findings.messages + read.dead_letters.found.total()

    def _helped(self, read: _Reading, latest: Iterable[list[Message]] | None) -> Sides:
        """The first pass by helpers. `latest`: which messages of a key have rows is not for them to know."""
        sides = Sides()
        with Helpers(Readers(self._decoder.rows, read.reader), sides) as helpers:
            for messages in latest or ():
                sides.add_messages(messages)
            for batch in read.messages() if latest is None else ():
                parts, others = self._decoder.parts(batch)
                for part in parts:
                    helpers.read(part)
                sides.add_messages(self._decoder.alone(others, with_position=read.reader.with_position))
            for packets in read.packets():
                helpers.read(packets)
            helpers.finish()
        return sides

    def _unverifiable(self, findings: Findings, *, with_position: bool) -> int:
        """Rows that may be of messages that Kafka has deleted, and which they are nobody can say."""
        if self._rules.mode == "upsert" and any(self._lows.values()):
            return self._report.rows_in_table
        older = min(sum(self._lows.values()), self._report.rows_total - findings.messages)
        return 0 if with_position else max(0, older)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Both sides of a topic, read from the beginning as often as need be; progress is reported after each batch."""

    ranges: Mapping[int, tuple[int, int]]
    topic: TopicReader
    table: TableReader
    report: TopicReport
    reader: RowReader
    progress: Progress
    dead_letters: DeadLetters
    rules: TableRules

    @property
    def total(self) -> int:
        """Messages, at most."""
        return sum(max(0, end - low) for low, end in self.ranges.values())

    def messages(self) -> Iterator[list[TopicMessage]]:
        """Those that should have rows."""
        have, ignored = self.dead_letters.have, self.rules.tombstones == "ignore"
        for batch in self._counted(self.topic.messages(self.report.topic, self.ranges), len, "messages", self.total):
            yield [one for one in batch if not (ignored and one.value is None) and not have(one)]

    def rows(self) -> Iterator[list[Row]]:
        """Rows that are compared."""
        return self._counted(self.table.rows(self.report.table, self.reader), len, "rows", self.report.rows_in_table)

    def packets(self) -> Iterator[RowPackets]:
        """The same, unread."""
        packets = self.table.packets(self.report.table, self.reader)
        return self._counted(packets, lambda part: len(part.packets), "rows", self.report.rows_in_table)

    def _counted(self, batches: Iterable[Item], size: Callable[[Item], int], stage: str, total: int) -> Iterator[Item]:
        done = 0
        for batch in batches:
            yield batch
            done += size(batch)
            self.progress(VerifyProgress(self.report.topic, stage, done, total))
