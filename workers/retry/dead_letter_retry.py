"""Dead letters of one partition become rows after all, each exactly once, beside the writer that owns the partition.

The transaction locks the partition's row in kafka_offsets, as a writer's does first, then the dead letters; it writes
rows, deletes their dead letters and moves the totals. Epoch and offset stay, so no writer is fenced. The locked
dead letter decides: of two retries the second finds it gone, and one that was killed has left it. A COMMIT whose reply
is lost is tried again; the dead letters that are left show whether it was done.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.mysql.error_numbers import PASSING, UNKNOWN_COLUMN, Action
from rtpipe.pause import PausePolicy
from workers import kill_points
from workers.commit.encoding.batch_encoder import BatchEncoder, TableMustChange
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.offsets.ledger_connection import Open
from workers.commit.writing.batch_work import BatchWork
from workers.commit.writing.work_limits import WorkLimits
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Refusal
from workers.database.errors import DatabaseTrouble
from workers.database.session import DatabaseSession, open_session
from workers.retry.dead_letter import DeadLetter, DeadLetterSource, batch_of
from workers.retry.outcome import RetryOutcome, RetryResult
from workers.retry.retry_transaction import RetryTransaction, Totals
from workers.retry.row_age import RowAge

_TRIES, _PAUSES = 6, PausePolicy(first=0.1, longest=2.0, jitter=0.2)


class _Gone(Exception):  # noqa: N818 - no error: another retry was faster
    def __init__(self, present: Collection[int]) -> None:
        super().__init__()
        self.present = present  #: offsets of the dead letters that are still there


class DeadLetterRetry:
    """Retries dead letters of one source."""

    def __init__(
        self,
        source: DeadLetterSource,
        spec: PartitionSpec,
        encoder: BatchEncoder,
        *,
        force: bool,
        dry_run: bool,
        open_: Open = open_session,
    ) -> None:
        """`force`: also where a row may hold newer state; `dry_run`: changes nothing."""
        self._source = source
        self._spec = spec
        self._encoder = encoder
        self._dry_run = dry_run
        self._age = RowAge(spec, force=force)
        self._open = open_
        self._opened: DatabaseSession | None = None
        self._unsure = False  #: a COMMIT was sent and no answer came

    def close(self) -> None:
        """Close the connection; the server rolls back what was open on it."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _session(self) -> DatabaseSession:
        if self._opened is None:
            self._opened = self._open(self._spec.current_database_url(), self._spec.database_seconds)
            kept = [JOURNAL.name] if self._spec.journal else []
            self._opened.tables.require_innodb(self._spec.table, OFFSETS.name, DEAD_LETTERS.name, *kept)
            if self._spec.rules.mode == "upsert":
                self._opened.tables.require_key(self._spec.table, self._spec.rules.key)
        return self._opened

    def write(self, dead_letters: Sequence[DeadLetter]) -> list[RetryOutcome]:
        """What became of each, once it is committed. The dead letters are in the order of their offsets."""
        gone: list[RetryOutcome] = []
        tries = 0
        while dead_letters:
            try:
                return gone + self._transact(dead_letters)
            except _Gone as found:
                result = RetryResult.WRITTEN if self._unsure else RetryResult.GONE
                missing = [dead_letter for dead_letter in dead_letters if dead_letter.offset not in found.present]
                gone += [RetryOutcome(self._source, dead_letter.offset, result) for dead_letter in missing]
                dead_letters = [dead_letter for dead_letter in dead_letters if dead_letter.offset in found.present]
                self._unsure = False
            except TableMustChange as change:
                raise change.error from change
            except DatabaseTrouble as trouble:
                tries += 1
                if trouble.action is Action.SMALLER and len(dead_letters) > 1:
                    middle = len(dead_letters) // 2
                    self.close()
                    return gone + self.write(dead_letters[:middle]) + self.write(dead_letters[middle:])
                if trouble.number == UNKNOWN_COLUMN and self._dry_run:
                    return gone + [self._without_column(dead_letter) for dead_letter in dead_letters]
                self._recover(trouble, tries)
        return gone

    def _without_column(self, dead_letter: DeadLetter) -> RetryOutcome:
        text = f"table {self._spec.table} has no column for one of its fields yet, so what comes after is not known"
        return RetryOutcome(self._source, dead_letter.offset, RetryResult.REFUSED, SetupError.name, text)

    def _recover(self, trouble: DatabaseTrouble, tries: int) -> None:
        """Be ready for another try; raises if there is to be none."""
        self.close()
        if trouble.number == UNKNOWN_COLUMN and tries == 1:
            self._encoder.forget()  # somebody changed the table
        elif trouble.action in PASSING - {Action.LOGIN} and tries < _TRIES:
            time.sleep(_PAUSES.seconds(tries, random.random()))
        else:
            raise self._error(trouble) from trouble

    def _error(self, trouble: DatabaseTrouble) -> RtpipeError:
        error = trouble.as_command_error(f"retrying dead letters of {self._source.key}")
        if isinstance(error, UnreachableError):
            error.hint += "; another retry writes no row twice"
        return error

    def _transact(self, dead_letters: Sequence[DeadLetter]) -> list[RetryOutcome]:
        """One transaction. The messages are encoded before it: that may ask for schemas, and no row stays locked while
        it waits for them.
        """
        max_packet = self._session.max_packet
        encoded = self._encoder.encode(batch_of(dead_letters), max_packet)
        work = BatchWork(encoded, WorkLimits(max_packet, dead_letters=len(dead_letters)))
        kill_points.reach("dead_letters:begin")
        transaction = RetryTransaction(
            self._session, self._source, [dead_letter.offset for dead_letter in dead_letters]
        )
        if len(transaction.present) < len(dead_letters):
            transaction.roll_back()
            raise _Gone(transaction.present)
        kill_points.reach("dead_letters:locked")
        stored = transaction.stored
        kept = self._kept(stored, dead_letters, encoded)
        work.refusals.set_aside(kept)
        refused = work.refusals.by_index
        if stored is not None and len(kept) < len(dead_letters):
            before = Totals(stored.rows_total, stored.dead_total)
            after = transaction.write(before, work, len(dead_letters))
            if self._spec.journal:
                transaction.keep(before, after)
            left = refused.keys() | kept.keys()
            transaction.delete([dead_letter.offset for at, dead_letter in enumerate(dead_letters) if at not in left])
            transaction.explain(dead_letters, refused, self._spec.table)
        self._end(transaction)
        return [
            self._outcome(dead_letter, refused.get(at), kept.get(at)) for at, dead_letter in enumerate(dead_letters)
        ]

    def _end(self, transaction: RetryTransaction) -> None:
        if self._dry_run:
            transaction.roll_back()
            return
        kill_points.reach("dead_letters:before_commit")
        self._unsure = True
        transaction.commit()
        self._unsure = False
        kill_points.reach("dead_letters:after_commit")

    def _outcome(self, dead_letter: DeadLetter, refusal: Refusal | None, kept: str | None) -> RetryOutcome:
        if kept is not None:
            return RetryOutcome(self._source, dead_letter.offset, RetryResult.KEPT, dead_letter.error_name, kept)
        if refusal is not None:
            reason = refusal.reason.value
            return RetryOutcome(self._source, dead_letter.offset, RetryResult.REFUSED, reason, str(refusal))
        return RetryOutcome(self._source, dead_letter.offset, RetryResult.WRITTEN)

    def _kept(
        self, stored: Row[Any] | None, dead_letters: Sequence[DeadLetter], encoded: EncodedBatch
    ) -> Mapping[int, str]:
        """Those that must stay whatever their messages are worth, by index, and why."""
        why = self._all_kept(stored, len(dead_letters))
        if why or stored is None:
            return dict.fromkeys(range(len(dead_letters)), why)
        kept = {}
        for at, dead_letter in enumerate(dead_letters):
            if dead_letter.offset >= stored.offset:
                kept[at] = f"the stored offset was set back to {stored.offset}, so its message will be read again"
            elif not dead_letter.whole:
                kept[at] = "its content was too large to keep here, and Kafka does not give it"
        return self._age.reasons(dead_letters, encoded, self._session.query) | kept

    def _all_kept(self, stored: Row[Any] | None, count: int) -> str:
        """Why none of so many dead letters may be written; "" if some may."""
        if stored is None:
            return "kafka_offsets has no row of its partition, so its message will be read again"
        if stored.topic_id and stored.topic_id != self._source.topic_id:
            return "its topic was deleted and made again since: export it, and send it to the new one"
        if stored.dead_total < count:
            return f"kafka_offsets counts {stored.dead_total} dead letters: was its message read again since?"
        return ""
