"""Dead letters of one partition become rows after all, each exactly once, beside the writer that owns the partition.

The transaction locks the partition's row in kafka_offsets, as a writer's does first, then the letters; it writes rows,
deletes their letters and moves the totals. Epoch and offset stay, so no writer is fenced. The locked letter decides: of
two retries the second finds it gone, and one that was killed has left it. A COMMIT whose reply is lost is tried again,
and tells by the letters whether it was done.
"""

from __future__ import annotations

import enum
import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, select, update

from avro_schemas.tables.own_tables.dead_letters import LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.mysql.error_numbers import PASSING, ROLLED_BACK, UNKNOWN_COLUMN, Action
from rtpipe.pause import PausePolicy
from workers import kill_points
from workers.commit.batch_encoder import BatchEncoder, HeldAt
from workers.commit.batch_work import BatchWork
from workers.commit.database_errors import DatabaseTrouble
from workers.commit.database_session import DatabaseSession, open_session, translated
from workers.commit.dead_letter_rows import dead_letter_text
from workers.contract.errors import SetupError, TemporaryError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Refusal
from workers.retry.dead_letter import DeadLetter, DeadLetterSource, batch_of
from workers.retry.row_age import RowAge

_TRIES, _PAUSES = 6, PausePolicy(first=0.1, longest=2.0, jitter=0.2)


class Result(enum.StrEnum):
    """What became of a letter."""

    WRITTEN = "written"  #: its message took effect, the letter is gone
    REFUSED = "refused"  #: it is still no row, the letter says why by now
    KEPT = "kept"  #: nobody tried, the letter is as it was
    GONE = "gone"  #: somebody else has retried or dropped it meanwhile


@dataclass(frozen=True, slots=True)
class Outcome:
    """One letter after a retry; `text` says why it is refused or kept."""

    source: DeadLetterSource
    offset: int
    result: Result
    error_name: str = ""
    text: str = ""


class _Gone(Exception):  # noqa: N818 - no error: another retry was faster
    def __init__(self, present: Collection[int]) -> None:
        super().__init__()
        self.present = present


class DeadLetterRetry:
    """Retries letters of one source. `force`: also where a row may hold newer state; `dry_run`: changes nothing."""

    def __init__(
        self, source: DeadLetterSource, spec: PartitionSpec, encoder: BatchEncoder, *, force: bool, dry_run: bool
    ) -> None:
        self._source = source
        self._spec = spec
        self._encoder = encoder
        self._dry_run = dry_run
        self._age = RowAge(spec, force=force)
        self._open: DatabaseSession | None = None
        self._unsure = False  #: a COMMIT was sent and no answer came

    def close(self) -> None:
        """Close the connection; the server rolls back what was open on it."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @property
    def _session(self) -> DatabaseSession:
        if self._open is None:
            self._open = open_session(self._spec.current_database_url(), self._spec.database_seconds)
            for table in (self._spec.table, OFFSETS.name, LETTERS.name):
                self._open.require_innodb(table)
            if self._spec.rules.mode == "upsert":
                self._open.require_key(self._spec.table, self._spec.rules.key)
        return self._open

    def write(self, letters: Sequence[DeadLetter]) -> list[Outcome]:
        """What became of each, once it is committed. The letters are in the order of their offsets."""
        gone: list[Outcome] = []
        tries = 0
        while letters:
            try:
                return gone + self._transact(letters)
            except _Gone as found:
                result = Result.WRITTEN if self._unsure else Result.GONE
                missing = [letter for letter in letters if letter.offset not in found.present]
                gone += [Outcome(self._source, letter.offset, result) for letter in missing]
                letters = [letter for letter in letters if letter.offset in found.present]
                self._unsure = False
            except HeldAt as held:
                raise held.error from held
            except DatabaseTrouble as trouble:
                tries += 1
                if trouble.action is Action.SMALLER and len(letters) > 1:
                    middle = len(letters) // 2
                    self.close()
                    return gone + self.write(letters[:middle]) + self.write(letters[middle:])
                if trouble.number == UNKNOWN_COLUMN and self._dry_run:
                    return gone + [self._without_column(letter) for letter in letters]
                self._recover(trouble, tries)
        return gone

    def _without_column(self, letter: DeadLetter) -> Outcome:
        text = f"table {self._spec.table} has no column for one of its fields yet, so what comes after is not known"
        return Outcome(self._source, letter.offset, Result.REFUSED, SetupError.name, text)

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
        doing = f"retrying dead letters of {self._source.key}"
        if trouble.action is Action.REPLAY:
            return TemporaryError(f"{doing}: {trouble.told}", hint="something holds its rows for long: try again later")
        if trouble.action in {Action.LOST, Action.WAIT, Action.UNKNOWN}:
            return UnreachableError(f"{doing}: {trouble.told}", hint="once it answers, retry again: no row comes twice")
        return trouble.as_error(doing)

    def _transact(self, letters: Sequence[DeadLetter]) -> list[Outcome]:
        session = self._session
        batch = batch_of(letters)
        work = self._encoder.work(batch, session.max_packet)
        kill_points.reach("letters:begin")
        with translated():
            stored = session.connection.execute(
                select(OFFSETS).where(self._stored_where()).with_for_update()
            ).one_or_none()
            present = self._locked([letter.offset for letter in letters])
            if len(present) < len(letters):
                session.connection.rollback()
                raise _Gone(present)
        kill_points.reach("letters:locked")
        kept = self._kept(stored, letters, work)
        work.set_aside(kept)
        if stored is not None and len(kept) < len(letters):
            self._write(stored, letters, work, kept)
        with translated():
            if self._dry_run:
                session.connection.rollback()
            else:
                kill_points.reach("letters:before_commit")
                self._unsure = True
                session.connection.commit()
        self._unsure = False
        kill_points.reach("letters:after_commit")
        return [self._outcome(letter, work.refused.get(at), kept.get(at)) for at, letter in enumerate(letters)]

    def _outcome(self, letter: DeadLetter, refusal: Refusal | None, kept: str | None) -> Outcome:
        if kept is not None:
            return Outcome(self._source, letter.offset, Result.KEPT, letter.error_name, kept)
        if refusal is not None:
            return Outcome(self._source, letter.offset, Result.REFUSED, refusal.reason.value, str(refusal))
        return Outcome(self._source, letter.offset, Result.WRITTEN)

    def _stored_where(self) -> ColumnElement[bool]:
        return and_(
            OFFSETS.c.topic == self._source.key.topic,
            OFFSETS.c["partition"] == self._source.key.partition,
            OFFSETS.c.consumer_group == self._source.group,
        )

    def _locked(self, offsets: Sequence[int]) -> set[int]:
        """Lock the letters; the offsets of those that are still there."""
        where = (self._source.where(), LETTERS.c.offset.in_(offsets), LETTERS.c.dropped_at.is_(None))
        found = self._session.connection.execute(select(LETTERS.c.offset).where(*where).with_for_update())
        return set(found.scalars())

    def _kept(self, stored: Row[Any] | None, letters: Sequence[DeadLetter], work: BatchWork) -> dict[int, str]:
        """Letters that must stay whatever their messages are worth, by place, and why."""
        why = ""
        if stored is None:
            why = "kafka_offsets has no row of its partition, so its message will be read again"
        elif stored.topic_id and stored.topic_id != self._source.topic_id:
            why = "its topic was deleted and made again since: export it, and send it to the new one"
        elif stored.dead_total < len(letters):
            why = f"kafka_offsets counts {stored.dead_total} dead letters: was its message read again since?"
        if why or stored is None:
            return dict.fromkeys(range(len(letters)), why)
        kept = {}
        for at, letter in enumerate(letters):
            if letter.offset >= stored.offset:
                kept[at] = f"the stored offset was set back to {stored.offset}, so its message will be read again"
            elif not letter.whole:
                kept[at] = "its content was too large to keep here, and Kafka does not give it"
        return self._age.reasons(letters, work, self._query) | kept

    def _write(self, stored: Row[Any], letters: Sequence[DeadLetter], work: BatchWork, kept: Collection[int]) -> None:
        """Totals, rows, letters. The totals come first: if they are not found again after a refused row, the server
        has rolled back all of it.
        """
        expected = self._total(stored, work, len(letters))
        self._set_totals((stored.rows_total, stored.dead_total), expected)
        work.write_rows(self._execute)
        final = self._total(stored, work, len(letters))
        self._set_totals(expected, final)
        kill_points.reach("letters:rows_written")
        written = [letter.offset for at, letter in enumerate(letters) if at not in work.refused and at not in kept]
        with translated():
            connection = self._session.connection
            connection.execute(delete(LETTERS).where(self._source.where(), LETTERS.c.offset.in_(written)))
            for at, refusal in work.refused.items():
                letter = letters[at]
                size = None if letter.kept else len(letter.value or b"")
                text = dead_letter_text(refusal, size_not_kept=size)
                values = {"error_name": refusal.reason.value, "error_text": text, "table_name": self._spec.table}
                mine = (self._source.where(), LETTERS.c.offset == letter.offset)
                connection.execute(update(LETTERS).where(*mine).values(values))

    @staticmethod
    def _total(stored: Row[Any], work: BatchWork, letters: int) -> tuple[int, int]:
        return stored.rows_total + work.rows, stored.dead_total - (letters - work.dead)

    def _set_totals(self, before: tuple[int, int], after: tuple[int, int]) -> None:
        if before == after:
            return
        found = (OFFSETS.c.rows_total == before[0], OFFSETS.c.dead_total == before[1])
        values = {"rows_total": after[0], "dead_total": after[1]}
        with translated():
            changed = self._session.connection.execute(
                update(OFFSETS).where(self._stored_where(), *found).values(**values)
            )
        if changed.rowcount != 1:
            self.close()
            raise DatabaseTrouble(ROLLED_BACK)

    def _execute(self, statement: bytes) -> int:
        options = {"no_parameters": True}
        with translated():
            done = self._session.connection.exec_driver_sql(statement, execution_options=options)  # type: ignore[arg-type]
        kill_points.reach("letters:mid_insert")
        return done.rowcount

    def _query(self, statement: bytes) -> list[Sequence[Any]]:
        options = {"no_parameters": True}
        with translated():
            done = self._session.connection.exec_driver_sql(statement, execution_options=options)  # type: ignore[arg-type]
            return [tuple(row) for row in done]
