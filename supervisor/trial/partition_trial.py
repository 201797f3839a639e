"""The trial of one partition: its messages go the way of a writer's batches."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy import select

from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.errors import RtpipeError, UnreachableError
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_preview import TablePreview
from supervisor.trial.outcome import PartitionTrial
from supervisor.trial.trial_ledger import TrialLedger, TrialPauses
from supervisor.trial.trial_server import TrialServer
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.commit.offsets.claim_checks import check_identity
from workers.commit.offsets.offset_statements import row_of
from workers.commit.partition_owner import PartitionOwner
from workers.commit.table_writer import TableWriter
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble, translated
from workers.intake.batch_builder import BatchBuilder
from workers.intake.topic_consumer import TopicConsumer
from workers.phase_clock import PhaseClock
from workers.rows.schema_source import SchemaSource

#: Seconds of a poll, and of silence after which the broker is taken for gone.
_POLL, _SILENCE = 1.0, 30.0
_CONSUMED = "they are consumed already: nothing else is in the partition, so its newest messages were taken"


class OnePartition:
    """Tries messages of one partition. Raises UnreachableError; what would stop a writer is in the outcome."""

    def __init__(self, spec: PartitionSpec, requests: SchemaRequests, preview: TablePreview) -> None:
        self._spec = spec
        self._requests = requests
        self._preview = preview
        self._clock = PhaseClock()
        self._note = ""  # why no row is written
        self._found = PartitionTrial(spec.key, spec.first_offset, spec.first_offset)

    def run(self, end: int, most: int) -> PartitionTrial:
        """At most so many messages, up to the offset `end`: those that a writer would take next."""
        found = self._found
        try:
            self._try(end, most)
        except UnreachableError:
            raise
        except DatabaseTrouble as trouble:
            raise trouble.as_command_error(f"trying {self._spec.key}") from trouble
        except RtpipeError as error:
            found.stop = found.stop or error
        found.seconds = self._clock.taken()
        return found

    def _try(self, end: int, most: int) -> None:
        found, server = self._found, TrialServer(self._spec)
        try:
            start = self._start(server, end, most)
            found.first = found.next_offset = start.offset
            found.stop = server.problem
            if start.offset < end:
                self._write(server, start, end, most)
        finally:
            server.connection.close()

    def _start(self, server: TrialServer, end: int, most: int) -> Position:
        """Where a writer would begin. TopicChangedError where it would not."""
        begin = Position(0, self._spec.first_offset)
        if server.problem is not None:
            return begin
        key = self._spec.key
        with translated(OFFSETS.name):
            connection = server.connection.session.connection
            here = row_of(key.topic, key.partition, self._spec.group)
            row = connection.execute(select(OFFSETS).where(here)).one_or_none()
            connection.rollback()
        if row is None:
            return begin
        check_identity(self._spec, row)
        if row.offset < end:
            return Position(0, row.offset, row.leader_epoch)
        self._note = _CONSUMED
        return Position(0, max(self._spec.first_offset, end - most))

    def _write(self, server: TrialServer, start: Position, end: int, most: int) -> None:
        ledger = TrialLedger(self._spec, server.connection, start.offset, lambda: self._why_not(server))
        owner = PartitionOwner(self._spec.key, ledger, TrialPauses())
        owner.claim()
        encoder = BatchEncoder(self._spec, SchemaSource(lambda wanted: self._requests.answer(self._spec, wanted)))
        writer = TableWriter(self._spec, owner, server, encoder, self._clock)
        try:
            for batch in self._batches(start, end, most):
                for written in writer.write(batch):
                    self._found.add(written)
                self._clock.enter("waiting")
        finally:
            self._found.encoded_only, self._found.note = ledger.unwritten, ledger.note

    def _why_not(self, server: TrialServer) -> str:
        """Why rows cannot be written, "" if they can."""
        if server.problem is not None:
            return "a table is missing, or cannot take rows"
        return self._note or ("the table must change first" if self._preview.changes(self._spec.table) else "")

    def _batches(self, start: Position, end: int, most: int) -> Iterator[Batch]:
        """As a consumer makes them, but for the last one, which ends with the trial."""
        topic, left = TopicConsumer(self._spec, start), most
        builder = BatchBuilder(self._spec.limits, start.offset, start.leader_epoch)
        heard = time.monotonic()
        try:
            while left and builder.next_offset < end:
                messages, reached = topic.poll(min(builder.room(), left), _POLL)
                now = time.monotonic()
                heard = now if messages or reached is not None else heard
                if now - heard > _SILENCE:
                    raise UnreachableError(f"{self._spec.key}: no message for {_SILENCE:g} s", hint="is Kafka well?")
                left -= len(messages)
                yield from builder.add(messages, now)
                if reached is not None:
                    builder.reach(reached, now)
            if builder.lingers(time.monotonic()) is not None:
                yield builder.take(time.monotonic(), "end")
        finally:
            topic.close()
