"""The one module that speaks to the server about offsets: the transaction of a batch, and what its row says.

Each row of kafka_offsets is owned by the writer that last raised its epoch (partition_claim). Every statement that
moves an offset says in its WHERE which epoch and offset it expects, so two writers can never commit the same range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from avro_schemas.tables.own_tables.journal import BATCH, JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.mysql.error_numbers import ROLLED_BACK
from rtpipe.mysql.quoting import quoted_text
from workers import kill_points
from workers.commit.offsets.claim_checks import owner_of
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.offset_statements import ADVANCE, CORRECT, GLANCE, KEEP
from workers.commit.offsets.open_transaction import OpenTransaction
from workers.commit.offsets.partition_claim import PartitionClaim
from workers.commit.work import Work
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble, translated
from workers.database.session import DatabaseSession
from workers.phase_clock import PhaseClock


class OffsetLedger:
    """The offset row of one partition, over one connection at a time. All methods raise DatabaseTrouble."""

    def __init__(
        self,
        spec: PartitionSpec,
        sign_of_life: Callable[[], None] = lambda: None,
        connection: LedgerConnection | None = None,
        clock: PhaseClock | None = None,
    ) -> None:
        """`sign_of_life` is called after each statement of a batch, of which one with many bad rows takes thousands.

        `clock` learns when the COMMIT is sent.
        """
        self._clock = clock or PhaseClock()
        self._sign_of_life = sign_of_life
        self._row: dict[str, str | int] = {
            "of_topic": spec.key.topic,
            "of_partition": spec.key.partition,
            "of_group": spec.group,
        }
        self._journal: dict[str, str | int] = {"of_kind": BATCH, "by_owner": owner_of(spec)} if spec.journal else {}
        self._apart = False  #: the next transaction goes statement by statement
        self.connection = connection or LedgerConnection(spec)
        self._claim = PartitionClaim(spec, self.connection)

    def claim(self) -> Position:
        """Own the partition from its stored offset on: a new process starts with this."""
        return self._claim.claim()

    def reclaim(self, epoch: int) -> Position | None:
        """After a lost connection: the truth about our own last COMMIT, under a new epoch. None means fenced."""
        return self._claim.reclaim(epoch)

    def transact(self, position: Position, batch: Batch, work: Work) -> bool:
        """Offset and rows in one transaction; False, with nothing written, if the row is not at `position`.

        The compare-and-set comes first: it takes the lock, fences and advances in one round trip, and as the first
        statement of the transaction it cannot be decided by an older snapshot. All of it goes over one session: a
        COMMIT on another would commit nothing and succeed.
        """
        session = self.connection.session
        if self._at_once(position, batch, work):
            return True
        rows, dead = work.rows, work.dead
        if not self._advance(session, position, batch, rows, dead):
            return False
        transaction = OpenTransaction(session, self._sign_of_life)
        work.run(transaction)
        if transaction.refused or (work.rows, work.dead) != (rows, dead):
            self._correct(session, position, batch, work.rows - rows, work.dead - dead)
        if self._journal:
            self._keep(session, position, batch, work)
        self._commit(session)
        self._apart = False
        return True

    def _at_once(self, position: Position, batch: Batch, work: Work) -> bool:
        """All of it in one round trip. False if that is not possible, or was refused: then nothing of it is left, and
        the usual way finds out why.
        """
        one_trip, statement = self.connection.one_trip, work.only_statement
        if one_trip is None or statement is None or self._apart or kill_points.armed():
            return False
        if len(statement) > self.connection.max_packet // 2:  # the others of the text need room, too
            return False
        moves = self._row | _moves(position, batch, work.rows, work.dead)
        kept = [_filled(KEEP, moves | self._kept(batch))] if self._journal else []
        kill_points.reach("writer:begin")
        self._apart = True  # something in between may cut each connection for such a text: never twice in a row
        committed = one_trip.commit(_filled(ADVANCE, moves), statement, *kept, done=self._one_done)
        self._apart = False
        if committed:
            kill_points.reach("writer:after_commit")
        return committed

    def _one_done(self, left: int) -> None:
        """One more statement of a transaction in one round trip is done; `left` are to come, the last is the COMMIT."""
        self._sign_of_life()
        if left == 1:
            self._clock.enter("commit")

    def _advance(self, session: DatabaseSession, position: Position, batch: Batch, rows: int, dead: int) -> bool:
        with translated(OFFSETS.name):
            kill_points.reach("writer:begin")
            if self._update(session, ADVANCE, **_moves(position, batch, rows, dead)) != 1:
                session.connection.rollback()
                return False
            kill_points.reach("writer:cas_done")
        return True

    def _correct(self, session: DatabaseSession, position: Position, batch: Batch, rows: int, dead: int) -> None:
        """The totals, after the server has refused a statement. It matches only inside the transaction that moved the
        offset: a server that rolled all of it back with what it refused is found out here, and all is done again.
        """
        with translated(OFFSETS.name):
            corrected = self._update(
                session, CORRECT, of_epoch=position.epoch, at_offset=batch.next_offset, more_rows=rows, more_dead=dead
            )
        if corrected != 1:
            self.disconnect()
            raise DatabaseTrouble(ROLLED_BACK)

    def _keep(self, session: DatabaseSession, position: Position, batch: Batch, work: Work) -> None:
        """The journal's row, once it is known what was written."""
        with translated(JOURNAL.name):
            self._update(session, KEEP, **_moves(position, batch, work.rows, work.dead), **self._kept(batch))

    def _kept(self, batch: Batch) -> dict[str, str | int]:
        """What KEEP is told beside what ADVANCE is."""
        return self._journal | {"of_messages": len(batch.offsets)}

    def _commit(self, session: DatabaseSession) -> None:
        kill_points.reach("writer:before_commit")
        self._clock.enter("commit")
        try:
            session.commit()
        except DatabaseTrouble as trouble:
            trouble.at_commit = True  # whatever its number: only the row knows what was done
            raise
        kill_points.reach("writer:after_commit")

    def _update(self, session: DatabaseSession, statement: str, **values: str | int) -> int:
        """Run one of the batch's own statements on our row; how many rows it matched."""
        return session.connection.exec_driver_sql(statement, self._row | values).rowcount

    def rollback(self) -> None:
        """Undo the whole transaction: a lock wait timeout or a refused value undoes only its own statement."""
        with translated():
            self.connection.session.connection.rollback()

    def read(self) -> Position | None:
        """What the row says now, waiting for whoever is changing it; None if there is no row.

        Looks at the tables too: on one that lost its transactions, the next lost connection would double rows.
        """
        with translated(OFFSETS.name):
            self.connection.look()
            row = self._claim.locked_row()
            self.connection.session.connection.rollback()
        return None if row is None else Position(row.epoch, row.offset, row.leader_epoch)

    def glance(self) -> Position | None:
        """What the row says now, by two short questions: for a writer at rest, of which hundreds ask again and again.

        DatabaseTrouble also if the server takes no writes any more.
        """
        session = self.connection.session
        with translated(OFFSETS.name):
            row = session.connection.exec_driver_sql(GLANCE, self._row).one_or_none()
        session.require_writable()  # which ends the transaction, too
        return None if row is None else Position(*row)

    def disconnect(self) -> None:
        """Drop the connection; the server rolls back what was open on it."""
        self.connection.close()


def _filled(statement: str, values: Mapping[str, str | int]) -> bytes:
    """The statement with its values in it."""
    texts = {name: one if isinstance(one, int) else quoted_text(one) for name, one in values.items()}
    return (statement % texts).encode()


def _moves(position: Position, batch: Batch, rows: int, dead: int) -> dict[str, int]:
    """What ADVANCE is told of a batch."""
    return {
        "of_epoch": position.epoch,
        "at_offset": batch.first,
        "to_offset": batch.next_offset,
        "to_leader_epoch": batch.leader_epoch,
        "more_rows": rows,
        "more_dead": dead,
    }
