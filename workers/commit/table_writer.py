"""Commits the batches of one partition, whatever is in them; runs in the writer process.

Each batch goes one way: encoded (batch_encoder), bounded (batch_work), committed with its offset (partition_owner,
offset_ledger). It may take several transactions; each covers the messages that come next.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rtpipe.errors import RtpipeError
from rtpipe.log import get_logger
from rtpipe.mysql.error_numbers import UNKNOWN_COLUMN
from workers.commit.caution import Caution
from workers.commit.dead_letters.budget import DeadLetterBudget
from workers.commit.encoding.batch_encoder import BatchEncoder, TableMustChange
from workers.commit.partition_owner import PartitionOwner
from workers.commit.work import TooMuch
from workers.commit.writing.batch_refusals import TooManyRefused
from workers.commit.writing.batch_work import BatchWork
from workers.commit.writing.loading import LoadFailed
from workers.commit.writing.work_limits import WorkLimits
from workers.contract.batch import Batch
from workers.contract.errors import DataError, DeadLetterLimitError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Refusal
from workers.database.errors import DatabaseTrouble
from workers.phase_clock import PhaseClock

log = get_logger("writer")


class ServerFacts(Protocol):
    """What was last seen of the server and its tables."""

    max_packet: int  #: bytes of a statement that it takes
    has_dead_letters: bool  #: there is a table for them
    columns_mark: str  #: another one after any change of the topic's table
    takes_load: bool  #: rows of the topic's table may go by LOAD DATA LOCAL


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction committed, counted once: as it counted that in `kafka_offsets`."""

    next_offset: int
    messages: int
    rows: int  #: messages that took effect on the table
    dead: Counter[str]  #: dead letters by the names of their reasons
    altered: int  #: values stored changed, as the settings allow
    refused: Mapping[int, Refusal] = field(default_factory=dict)  #: why the messages at these offsets are no rows
    deletes: int = 0  #: of `rows`, those that delete by their keys


class _StopBefore(Exception):  # noqa: N818 - carries the error that it becomes
    """The message at `index` cannot be committed; those before it can."""

    def __init__(self, index: int, error: RtpipeError) -> None:
        super().__init__(error.message)
        self.index = index
        self.error = error


class TableWriter:
    """`write` returns once a batch is committed, with a dead letter for each message that cannot be a row.

    Where dead letters are off, or too many for a minute, it stops exactly at the first message that would be one more.
    """

    def __init__(
        self,
        spec: PartitionSpec,
        owner: PartitionOwner,
        server: ServerFacts,
        encoder: BatchEncoder,
        clock: PhaseClock | None = None,
    ) -> None:
        """`clock` learns when a batch is encoded, and when it is written."""
        self._spec = spec
        self._owner = owner
        self._server = server
        self._encoder = encoder
        self._clock = clock or PhaseClock()
        self._columns_mark = server.columns_mark  #: for which the encoder encodes
        self._budget = DeadLetterBudget(spec.dead_letters_per_minute)
        self._caution = Caution()

    def write(self, batch: Batch) -> Iterator[Written]:
        """Commit the batch; most often in one transaction. Gives what each of them wrote, once it is committed.

        Raises DataError or DeadLetterLimitError at a message that is no row, and EvolutionError at one for which the
        table must change first, after committing all before it.
        """
        left, stop = batch, None
        while True:
            most = 1 if self._steps_over(left) else self._caution.most_messages
            whole = len(left.offsets) <= most
            part = left if whole else left.part(0, most)
            try:
                written = self._write(part)
            except TooMuch as much:
                self._split(part, much.trouble)
                continue
            except _StopBefore as before:
                stop = before
                if not stop.index:
                    break
                left = left.part(0, stop.index)
                continue
            yield written
            if whole:
                break
            left = left.part(len(part.offsets), len(left.offsets))
        if stop is not None:
            raise stop.error from stop

    def _split(self, batch: Batch, trouble: DatabaseTrouble) -> None:
        """Go on with smaller transactions, also of the batches to come, until some were taken."""
        text = "%s offset %d: %s; %d messages go in two transactions"
        extra = {"event": "batch_split", "partition": str(self._spec.key)}
        log.info(text, self._spec.key, batch.first, trouble.text, len(batch.offsets), extra=extra)
        self._caution.too_much(len(batch.offsets))

    def _write(self, batch: Batch) -> Written:
        if self._server.columns_mark != self._columns_mark:  # altered by somebody: what fitted may be rounded now
            self._columns_mark = self._server.columns_mark
            self._encoder.forget()
        try:
            return self._commit(batch, fresh=False)
        except TableMustChange:
            pass
        except DatabaseTrouble as trouble:
            if trouble.number != UNKNOWN_COLUMN:
                raise self._error(batch, trouble) from trouble
        self._encoder.forget()  # somebody changed the table, or may have: ask what it is like now, and try once more
        try:
            return self._commit(batch, fresh=True)
        except TableMustChange as change:
            raise _StopBefore(change.index, change.error) from change
        except DatabaseTrouble as again:
            raise self._error(batch, again) from again

    def _error(self, batch: Batch, trouble: DatabaseTrouble) -> RtpipeError:
        return trouble.as_error(f"{self._spec.key} offset {batch.first}")

    def _commit(self, batch: Batch, *, fresh: bool) -> Written:
        if self._server.takes_load and self._caution.loads:
            try:
                return self._commit_encoded(batch, fresh=fresh, load=True)
            except LoadFailed as failed:
                text = "%s offset %d: LOAD DATA LOCAL: %s; INSERT for %d batches"
                extra = {"event": "load_failed", "partition": str(self._spec.key)}
                log.info(text, self._spec.key, batch.first, failed, self._caution.load_failed(), extra=extra)
        return self._commit_encoded(batch, fresh=fresh, load=False)

    def _commit_encoded(self, batch: Batch, *, fresh: bool, load: bool) -> Written:
        self._clock.enter("encoding")
        encoded = self._encoder.encode(batch, self._server.max_packet, load=load)
        limits = WorkLimits(
            max_packet=self._server.max_packet,
            dead_letters=self._dead_letters_left(batch),
            statement_rows=self._caution.statement_rows,
            alike=self._caution.alike,
            fresh=fresh,
        )
        try:
            work = BatchWork(encoded, limits)
            self._clock.enter("writing")
            self._owner.commit(batch, work)
        except TooManyRefused as many:
            raise _StopBefore(many.index, self._refusal_error(batch, many)) from many
        rows = work.row_writer
        self._encoder.committed(encoded, rows.deleted_rows)
        self._caution.committed(server_refused=rows.server_refused, alike=rows.alike_after(), loaded=work.loads)
        self._budget.add(work.dead, time.monotonic())
        refused = work.refusals.by_index
        dead = Counter(refusal.reason.value for refusal in refused.values())
        why = {batch.offsets[at]: refusal for at, refusal in refused.items()}
        return Written(
            batch.next_offset,
            len(batch.offsets),
            work.rows,
            dead,
            encoded.altered_but(refused),
            why,
            deletes=len(encoded.tombstones.keys.keys() - refused.keys()),
        )

    def _steps_over(self, batch: Batch) -> bool:
        """It begins with the message that a person wants to be a dead letter, if it is no row."""
        return len(batch.offsets) > 0 and batch.offsets[0] == self._spec.step_over

    def _dead_letters_left(self, batch: Batch) -> int:
        left = self._budget.left(time.monotonic()) if self._keeps_dead_letters else 0
        return max(left, int(self._server.has_dead_letters and self._steps_over(batch)))

    @property
    def _keeps_dead_letters(self) -> bool:
        return self._spec.dead_letters and self._server.has_dead_letters

    def _refusal_error(self, batch: Batch, many: TooManyRefused) -> RtpipeError:
        spec, offset = self._spec, batch.offsets[many.index]
        if not self._keeps_dead_letters:
            hint = f"rows before offset {offset} are in {spec.table}; repair the table or the data, start again"
            if spec.dead_letters or offset == spec.step_over:
                hint += "; with the table rtpipe_dead_letters, which `rtpipe setup` makes, it would go there"
            return DataError(f"{spec.key} offset {offset} {many.refusal}", hint=hint).at(offset)
        return DeadLetterLimitError(
            f"{spec.key} offset {offset} {many.refusal}: more than {spec.dead_letters_per_minute} dead letters"
            " within a minute, which looks like an outage and not like bad messages",
            hint=f"`rtpipe dead-letters list` shows them; repair the cause, then: rtpipe resume {spec.key}",
        ).at(offset)
