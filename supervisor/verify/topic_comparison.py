"""Every message of a topic against every row of its table: the part of `rtpipe verify` that `--values` asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.types import ColumnShape
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.metadata_columns import DELETED_COLUMN, METADATA_TYPES
from avro_schemas.tables.rules import TableRules
from supervisor.kafka.topic_reader import TopicMessage, TopicReader
from supervisor.verify.forms.values import Row
from supervisor.verify.matching.rows import Findings, Message, compare_rows
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import TopicReport, VerifyProgress
from supervisor.verify.outcome.row_judge import RowJudge
from supervisor.verify.table.columns import TableColumns
from supervisor.verify.table.table_snapshot import TableReader
from supervisor.verify.topic.dead_letters import DeadLetters
from supervisor.verify.topic.decoder import Decoder
from supervisor.verify.topic.latest_by_key import LatestByKey

Item = TypeVar("Item")
Progress = Callable[[VerifyProgress], None]

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
        with_position = table.has_position(report.table)
        kept = table.dead_letters(report.topic, report.group)
        dead_letters = DeadLetters(kept or {})
        to_read = sum(max(0, end - low) for low, end in self._ranges.values())

        def with_rows() -> Iterator[list[TopicMessage]]:
            """The messages that should have rows."""
            batches = topic.messages(report.topic, self._ranges)
            for batch in self._counted(batches, progress, "messages", to_read):
                yield [message for message in batch if self._counts(message) and not dead_letters.have(message)]

        latest = LatestByKey(with_rows(), self._decoder, soft=self._soft) if self._rules.mode == "upsert" else None

        def messages() -> Iterator[list[Message]]:
            for batch in with_rows():
                if latest is not None:
                    yield list(latest.messages(batch, with_position=with_position))
                else:
                    yield [self._decoder.message(message, with_position=with_position) for message in batch]

        def rows() -> Iterator[list[Row]]:
            batches = table.rows(report.table, self._columns, with_position=with_position)
            for batch in self._counted(batches, progress, "rows", report.rows_in_table):
                yield [row for row in batch if not self._is_older(row)] if with_position else batch

        findings = compare_rows(messages, rows)
        # Where dead letters are kept, a message without a row and without one is missing.
        dead = {partition.partition: partition.dead_total for partition in report.partitions} if kept is None else {}
        judge = RowJudge(differences, report.topic, self._columns, with_position=with_position)
        judge.judge(findings, dead, self._unverifiable(findings, with_position=with_position))
        dead_letters.judge(differences, report.topic)
        if latest is not None:
            latest.keys.judge(differences, report.topic)
        return findings.messages + dead_letters.found.total()

    def _counts(self, message: TopicMessage) -> bool:
        return message.value is not None or self._rules.tombstones != "ignore"

    def _unverifiable(self, findings: Findings, *, with_position: bool) -> int:
        """Rows that may be of messages that Kafka has deleted, and which they are nobody can say."""
        if self._rules.mode == "upsert" and any(self._lows.values()):
            return self._report.rows_in_table
        older = min(sum(self._lows.values()), self._report.rows_total - findings.messages)
        return 0 if with_position else max(0, older)

    def _is_older(self, row: Row) -> bool:
        """Whether a row that begins with partition and offset comes from a message that Kafka has deleted."""
        partition, offset = row[:2]
        return isinstance(partition, int) and isinstance(offset, int) and offset < self._lows.get(partition, 0)

    def _counted(
        self, batches: Iterable[list[Item]], progress: Progress, stage: str, total: int
    ) -> Iterator[list[Item]]:
        """The batches; progress is reported after each."""
        done = 0
        for batch in batches:
            yield batch
            done += len(batch)
            progress(VerifyProgress(self._report.topic, stage, done, total))
