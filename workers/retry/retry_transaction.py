"""The transaction in which dead letters become rows: totals, rows, dead letters, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, update

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.journal import JOURNAL, RETRY
from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.acting_person import acting_person
from rtpipe.mysql.error_numbers import ROLLED_BACK
from workers import kill_points
from workers.commit.dead_letters.rows import dead_letter_text
from workers.commit.offsets.offset_statements import KEEP, row_of
from workers.commit.writing.batch_work import BatchWork
from workers.contract.refusal import Refusal
from workers.database.errors import DatabaseTrouble, translated
from workers.database.session import DatabaseSession
from workers.retry.dead_letter import DeadLetter, DeadLetterSource


@dataclass(frozen=True, slots=True)
class Totals:
    """What kafka_offsets counts of a partition."""

    rows: int
    dead: int


class RetryTransaction:
    """Statements of one transaction on an open session; `close` it by `commit` or `roll_back`. Raises DatabaseTrouble.

    `stored` is the partition's row in kafka_offsets, None if there is none; `present` the offsets of those dead letters
    that are still there. Both are locked: the row first, as a writer does.
    """

    def __init__(self, session: DatabaseSession, source: DeadLetterSource, offsets: Sequence[int]) -> None:
        self._session = session
        self._source = source
        with translated():
            locking = select(OFFSETS).where(self._row()).with_for_update()
            self.stored: Row[Any] | None = session.connection.execute(locking).one_or_none()
            where = (source.where(), DEAD_LETTERS.c.offset.in_(offsets), DEAD_LETTERS.c.dropped_at.is_(None))
            found = session.connection.execute(select(DEAD_LETTERS.c.offset).where(*where).with_for_update())
            self.present = set(found.scalars())

    def _row(self) -> ColumnElement[bool]:
        key = self._source.key
        return row_of(key.topic, key.partition, self._source.group)

    def write(self, before: Totals, work: BatchWork, dead_letters: int) -> Totals:
        """Totals and rows of the work of so many dead letters; `before` is what the row in kafka_offsets says. Gives
        what it says then.

        The totals come first: if they are not found again after a refused row, the server has rolled back all of it.
        """

        def after() -> Totals:
            return Totals(before.rows + work.rows, before.dead - (dead_letters - work.dead))

        expected = after()
        self._set_totals(before, expected)
        work.row_writer.write(self._execute)
        self._set_totals(expected, after())
        kill_points.reach("dead_letters:rows_written")
        return after()

    def keep(self, before: Totals, after: Totals) -> None:
        """The journal's row, if the totals have changed: the offset has not."""
        if self.stored is None or before == after:
            return
        key, offset = self._source.key, self.stored.offset
        values = {"of_topic": key.topic, "of_partition": key.partition, "of_group": self._source.group}
        values |= {"of_kind": RETRY, "of_messages": 0, "of_epoch": self.stored.epoch, "by_owner": acting_person()}
        values |= {"at_offset": offset, "to_offset": offset}
        values |= {"more_rows": after.rows - before.rows, "more_dead": after.dead - before.dead}
        with translated(JOURNAL.name):
            self._session.connection.exec_driver_sql(KEEP, values)

    def _set_totals(self, before: Totals, after: Totals) -> None:
        if before == after:
            return
        found = (OFFSETS.c.rows_total == before.rows, OFFSETS.c.dead_total == before.dead)
        values = {"rows_total": after.rows, "dead_total": after.dead}
        with translated():
            changed = self._session.connection.execute(update(OFFSETS).where(self._row(), *found).values(**values))
        if changed.rowcount != 1:
            raise DatabaseTrouble(ROLLED_BACK)

    def _execute(self, statement: bytes) -> int:
        found = self._session.execute(statement)
        kill_points.reach("dead_letters:mid_insert")
        return found

    def delete(self, offsets: Collection[int]) -> None:
        """Delete the dead letters whose messages are rows now."""
        with translated():
            where = (self._source.where(), DEAD_LETTERS.c.offset.in_(offsets))
            self._session.connection.execute(delete(DEAD_LETTERS).where(*where))

    def explain(self, dead_letters: Sequence[DeadLetter], refused: Mapping[int, Refusal], table: str) -> None:
        """Let the dead letters that are still none say why by now, and which table it was."""
        for at, refusal in refused.items():
            dead_letter = dead_letters[at]
            text = dead_letter_text(refusal, size_not_kept=None if dead_letter.kept else len(dead_letter.value or b""))
            values = {"error_name": refusal.reason.value, "error_text": text, "table_name": table}
            where = (self._source.where(), DEAD_LETTERS.c.offset == dead_letter.offset)
            with translated():
                self._session.connection.execute(update(DEAD_LETTERS).where(*where).values(values))

    def commit(self) -> None:
        """Commit."""
        self._session.commit()

    def roll_back(self) -> None:
        """Undo all."""
        with translated():
            self._session.connection.rollback()
