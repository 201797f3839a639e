"""Writes batches of one partition: messages -> rows or dead letters -> committed; runs in the writer process."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NoReturn

from rtpipe.log import get_logger
from rtpipe.mysql.error_numbers import UNKNOWN_COLUMN
from workers.commit.batch_encoder import BatchEncoder, HeldAt
from workers.commit.batch_work import CAREFUL_ROWS, BatchWork, TooManyRefused
from workers.commit.database_errors import DatabaseTrouble
from workers.commit.offset_ledger import OffsetLedger
from workers.commit.partition_owner import PartitionOwner, TooMuch
from workers.contract.batch import Batch
from workers.contract.errors import DataError, DeadLetterLimitError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Refusal
from workers.rows.schema_cache import Schemas

log = get_logger("writer")
_MINUTE = 60.0
#: Batches without a row that the server refuses, after which none is expected.
_CALM = 50
_NO_LIMIT = 1 << 62


class TableWriter:
    """`write` returns once a batch is committed, with a dead letter for each message that cannot be a row.

    Where dead letters are off, or too many for a minute, it stops exactly at the first message that would be one more.
    """

    def __init__(
        self,
        spec: PartitionSpec,
        owner: PartitionOwner,
        ledger: OffsetLedger,
        schemas: Schemas,
        sign_of_life: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._owner = owner
        self._ledger = ledger
        self._encoder = BatchEncoder(spec, schemas, sign_of_life=sign_of_life)
        self._columns_mark = ledger.columns_mark  # for which the encoder encodes
        self._letters: deque[tuple[float, int]] = deque()  # when, how many
        self.altered = 0  #: values stored changed so far, as the settings allow
        self._calm = _CALM  # batches since the server last refused a row
        self._alike = 0  # rows that were refused, unknown why, since one was taken
        self._most = _NO_LIMIT  # messages that the server takes in one transaction, as far as is known

    @property
    def key_warning(self) -> str | None:
        """What is wrong with the keys of tombstones; "" if nothing is, None if nobody can tell yet."""
        return self._encoder.key_warning

    def write(self, batch: Batch) -> Counter[str]:
        """Commit the batch; the names of the errors of its dead letters, counted.

        Raises DataError or DeadLetterLimitError at a message that is no row, and EvolutionError at one for which the
        table must change first, after committing all before it.
        """
        if len(batch.offsets) > self._most:
            return self._halves(batch)
        try:
            work = self._committed(batch)
        except TooMuch as much:
            self._lessen(batch, much.trouble)
            return self._halves(batch)
        self.altered += work.altered
        self._alike = work.alike_after()
        if self._calm == _CALM and self._most < _NO_LIMIT:
            self._most *= 2
        if work.dead:
            self._letters.append((time.monotonic(), work.dead))
        return Counter(refusal.reason.value for refusal in work.refused.values())

    def _halves(self, batch: Batch) -> Counter[str]:
        """Each in a transaction of its own."""
        middle = len(batch.offsets) // 2
        return self.write(batch.part(0, middle)) + self.write(batch.part(middle, len(batch.offsets)))

    def _lessen(self, batch: Batch, trouble: DatabaseTrouble) -> None:
        """Go on with smaller transactions, also of the batches to come, until some were calm."""
        text = "%s offset %d: %s; %d messages go in two transactions"
        extra = {"event": "batch_split", "partition": str(self._spec.key)}
        log.info(text, self._spec.key, batch.first, trouble.told, len(batch.offsets), extra=extra)
        self._most, self._calm = (len(batch.offsets) + 1) // 2, 0

    def _committed(self, batch: Batch) -> BatchWork:
        if self._ledger.columns_mark != self._columns_mark:  # altered by somebody: what fitted may be rounded now
            self._columns_mark = self._ledger.columns_mark
            self._encoder.forget()
        try:
            return self._commit(batch)
        except HeldAt:
            return self._commit_anew(batch)
        except DatabaseTrouble as trouble:
            if trouble.number != UNKNOWN_COLUMN:
                raise trouble.as_error(f"{self._spec.key} offset {batch.first}") from trouble
            return self._commit_anew(batch)

    def _commit_anew(self, batch: Batch) -> BatchWork:
        """Somebody changed the table, or may have: ask what it is like now, and try once more."""
        self._encoder.forget()
        try:
            return self._commit(batch, fresh=True)
        except DatabaseTrouble as again:
            raise again.as_error(f"{self._spec.key} offset {batch.first}") from again
        except HeldAt as held:
            if held.place:
                self.write(batch.part(0, held.place))
            raise held.error from held

    def _commit(self, batch: Batch, *, fresh: bool = False) -> BatchWork:
        work = self._encoder.work(batch, self._ledger.max_packet)
        work.allowed, work.alike, work.fresh = self._allowance(), self._alike, fresh
        if self._calm < _CALM:
            work.statement_rows = CAREFUL_ROWS
        if len(work.refused) > work.allowed:
            place = sorted(work.refused)[work.allowed]
            self._stop_at(batch, place, work.refused[place])
        try:
            self._owner.commit(batch, work)
        except TooManyRefused as stopped:
            self._stop_at(batch, stopped.place, stopped.refusal)
        self._calm = 0 if work.server_refused else min(_CALM, self._calm + 1)
        if work.deletes:
            self._encoder.note(batch, work)
        return work

    def _allowance(self) -> int:
        """How many more dead letters this minute may have."""
        if not self._spec.dead_letters or not self._ledger.has_letters:
            return 0
        if not self._spec.dead_letters_per_minute:
            return 1 << 62
        while self._letters and self._letters[0][0] < time.monotonic() - _MINUTE:
            self._letters.popleft()
        return max(0, self._spec.dead_letters_per_minute - sum(count for _, count in self._letters))

    def _stop_at(self, batch: Batch, place: int, refusal: Refusal) -> NoReturn:
        if place:
            self.write(batch.part(0, place))
        offset, spec = batch.offsets[place], self._spec
        if not spec.dead_letters or not self._ledger.has_letters:
            hint = f"rows before offset {offset} are in {spec.table}; repair the table or the data, start again"
            if spec.dead_letters:
                hint += "; with the table rtpipe_dead_letters, which `rtpipe setup` makes, it would go there"
            raise DataError(f"{spec.key} offset {offset} {refusal}", hint=hint)
        raise DeadLetterLimitError(
            f"{spec.key} offset {offset} {refusal}: more than {spec.dead_letters_per_minute} dead letters within a"
            " minute, which looks like an outage and not like bad messages",
            hint=f"`rtpipe dead-letters list` shows them; once the cause is mended: rtpipe resume {spec.key}",
        )
