"""The one module that speaks to the server about offsets: claim, re-claim and the transaction of a batch.

Each row of kafka_offsets is owned by the writer that last raised its epoch. Every statement that moves an offset says
in its WHERE which epoch and offset it expects, so two writers can never commit the same range.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, select, update

from avro_schemas.tables.own_tables.dead_letters import LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.log import get_logger
from rtpipe.mysql.error_numbers import DUPLICATE, LOCK_WAIT_TIMEOUT, ROLLED_BACK
from workers import kill_points
from workers.commit.database_errors import DatabaseTrouble
from workers.commit.database_session import DatabaseSession, open_session, translated
from workers.commit.offset_statements import ADVANCE, CORRECT, row_of
from workers.commit.partition_owner import Work
from workers.contract.batch import Batch
from workers.contract.errors import Fenced, SetupError, TemporaryError, TopicChangedError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Position

log = get_logger("ledger")
_CLAIM_ROUNDS = 3


class OffsetLedger:
    """The offset row of one partition, over one connection at a time. All methods raise DatabaseTrouble."""

    def __init__(self, spec: PartitionSpec, sign_of_life: Callable[[], None] = lambda: None) -> None:
        """`sign_of_life` is called after each statement of a batch, of which one with many bad rows takes thousands."""
        self._spec = spec
        self._sign_of_life = sign_of_life
        self._owner = f"{socket.gethostname()[:128]}:{os.getpid()}{self._of_us}"
        self._session: DatabaseSession | None = None
        self._shaken = False  #: a statement of this transaction was refused
        self.max_packet = 0  #: bytes of a statement that the server takes, as of the last connection
        self.has_letters = False  #: there is a table for dead letters, as of the last connection
        self.columns_mark = ""  #: tells the columns of the topic's table from other ones, as of the last look

    @property
    def _of_us(self) -> str:
        """How the owner ends in a row that a worker of this supervisor claimed."""
        return f" of supervisor {self._spec.supervisor}" if self._spec.supervisor else ""

    def _where(self) -> ColumnElement[bool]:
        return row_of(self._spec.key.topic, self._spec.key.partition, self._spec.group)

    @property
    def session(self) -> DatabaseSession:
        """The open connection; a new one after `disconnect`."""
        if self._session is None:
            self._session = open_session(self._spec.current_database_url(), self._spec.database_seconds)
            self.max_packet = self._session.max_packet
            self._require_tables()
            self.has_letters = self._session.has_table(LETTERS.name)
        return self._session

    def _require_tables(self) -> None:
        self.session.require_innodb(self._spec.table)
        self.columns_mark = self.session.columns_mark(self._spec.table)
        if self._spec.rules.mode == "upsert":
            self.session.require_key(self._spec.table, self._spec.rules.key)
        self.session.require_innodb(OFFSETS.name)
        if self.has_letters:
            self.session.require_innodb(LETTERS.name)

    def disconnect(self) -> None:
        """Drop the connection; the server rolls back what was open on it."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def claim(self) -> Position:
        """Own the partition from its stored offset on: a new process starts with this.

        Waits for a predecessor that still holds the row's lock and, should it never let go, KILLs its connection.
        Fenced if another supervisor took the partition from ours: it is not taken back.
        """
        for _ in range(_CLAIM_ROUNDS):
            try:
                return self._claim_once()
            except DatabaseTrouble as trouble:
                self.disconnect()
                if trouble.number == LOCK_WAIT_TIMEOUT:
                    self._kill_predecessor()
                elif trouble.number != DUPLICATE:  # somebody else made the very first row at the same time
                    raise
        raise TemporaryError(f"{self._spec.key}: the row in {OFFSETS.name} stays locked by another session")

    def _claim_once(self) -> Position:
        session = self.session
        with translated(OFFSETS.name):
            if (row := self._locked_row()) is None:
                if self._spec.known:
                    raise SetupError(
                        f"{self._spec.key}: its row in {OFFSETS.name} is gone", hint="restore the row before you resume"
                    )
                self._check_siblings()
                session.connection.execute(insert(OFFSETS).values(**self._first_row()))
                row = self._locked_row()
                assert row is not None
            self._check_identity(row)
            self._check_owner(row)
            session.connection.execute(
                update(OFFSETS)
                .where(self._where())
                .values(**self._ownership(), topic_id=self._spec.topic_id, cluster_id=self._spec.cluster_id)
            )
            session.connection.commit()
        return Position(row.epoch + 1, row.offset, row.leader_epoch)

    def _first_row(self) -> dict[str, Any]:
        key = self._spec.key
        return {
            "topic": key.topic,
            "partition": key.partition,
            "consumer_group": self._spec.group,
            "offset": self._spec.first_offset,
            "epoch": 0,
            "leader_epoch": -1,
            "rows_total": 0,
            "dead_total": 0,
        }

    def _check_siblings(self) -> None:
        """A partition that is new to us belongs to the topic of the others, or a person decides about it, too."""
        ours = and_(OFFSETS.c.topic == self._spec.key.topic, OFFSETS.c.consumer_group == self._spec.group)
        stored = set(self.session.connection.execute(select(OFFSETS.c.topic_id).where(ours)).scalars()) - {None, ""}
        if stored and self._spec.topic_id and self._spec.topic_id not in stored:
            raise TopicChangedError(
                f"{self._spec.key}: topic id {self._spec.topic_id}; the stored offsets of the other partitions belong"
                f" to {', '.join(sorted(stored))}",
                hint=f"nothing was written; if the new topic is meant: rtpipe adopt {self._spec.key.topic}",
            )

    def _check_identity(self, row: Row[Any]) -> None:
        for what, stored, found in (
            ("topic", row.topic_id, self._spec.topic_id),
            ("cluster", row.cluster_id, self._spec.cluster_id),
        ):
            if stored and found and stored != found:
                raise TopicChangedError(
                    f"{self._spec.key}: {what} id changed {stored} -> {found}; the stored offset {row.offset}"
                    f" belongs to the old {what}",
                    hint=f"nothing was written; if the new {what} is meant: rtpipe adopt {self._spec.key.topic}",
                )

    def _check_owner(self, row: Row[Any]) -> None:
        taken = self._spec.last_epoch >= 0 and row.epoch > self._spec.last_epoch
        if taken and row.owner and not row.owner.endswith(self._of_us):
            raise Fenced(
                f"{self._spec.key}: {row.owner} claimed the partition with epoch {row.epoch}",
                hint=f"rtpipe resume {self._spec.key} takes it back",
            )

    def _ownership(self) -> dict[str, Any]:
        return {
            "epoch": OFFSETS.c.epoch + 1,
            "connection_id": self.session.id,
            "server": self.session.server,
            "owner": self._owner,
            "updated_at": func.utc_timestamp(6),
        }

    def _locked_row(self) -> Row[Any] | None:
        return self.session.connection.execute(select(OFFSETS).where(self._where()).with_for_update()).one_or_none()

    def _kill_predecessor(self) -> None:
        """End the session that holds our row: same account, same server, so KILL needs no privilege."""
        with translated(OFFSETS.name):
            row = self.session.connection.execute(select(OFFSETS).where(self._where())).one_or_none()
            self.session.connection.rollback()
            if row is not None:
                self._check_owner(row)
            if row is None or not row.connection_id or row.server != self.session.server:
                return
            log.warning(
                "%s: connection %d of %s holds the offset row; killing it",
                self._spec.key,
                row.connection_id,
                row.owner,
                extra={"event": "predecessor_killed", "partition": str(self._spec.key)},
            )
            with contextlib.suppress(DatabaseTrouble), translated():
                self.session.connection.exec_driver_sql(f"KILL {int(row.connection_id)}")

    def reclaim(self, epoch: int) -> Position | None:
        """After a lost connection: the truth about our own last COMMIT, under a new epoch. None means fenced.

        The locking read waits for a COMMIT of our dead session that the server is still busy with; the new epoch
        makes a compare-and-set of that session fail which has not arrived yet.
        """
        with translated(OFFSETS.name):
            row = self._locked_row()
            if row is None or row.epoch != epoch:
                self.session.connection.rollback()
                return None
            self.session.connection.execute(update(OFFSETS).where(self._where()).values(**self._ownership()))
        try:
            with translated():
                self.session.connection.commit()
        except DatabaseTrouble as trouble:
            self.disconnect()
            raise TemporaryError(f"{self._spec.key}: connection lost while re-claiming ({trouble})") from trouble
        return Position(epoch + 1, row.offset, row.leader_epoch)

    def transact(self, position: Position, batch: Batch, work: Work) -> bool:
        """Offset and rows in one transaction; False, with nothing written, if the row is not at `position`.

        The compare-and-set comes first: it takes the lock, fences and advances in one round trip, and as the first
        statement of the transaction it cannot be decided by an older snapshot.
        """
        connection = self.session.connection
        rows, dead = work.rows, work.dead
        self._shaken = False
        with translated(OFFSETS.name):
            kill_points.reach("writer:begin")
            moved = self._update(
                ADVANCE,
                of_epoch=position.epoch,
                at_offset=batch.first,
                to_offset=batch.next_offset,
                to_leader_epoch=batch.leader_epoch,
                more_rows=rows,
                more_dead=dead,
            )
            if moved != 1:
                connection.rollback()
                return False
            kill_points.reach("writer:cas_done")
        work.run(self._execute)
        if self._shaken or (work.rows, work.dead) != (rows, dead):
            self._correct(position, batch, work.rows - rows, work.dead - dead)
        kill_points.reach("writer:before_commit")
        try:
            with translated():
                connection.commit()
        except DatabaseTrouble as trouble:
            trouble.at_commit = True  # whatever its number: only the row knows what was done
            raise
        kill_points.reach("writer:after_commit")
        return True

    def _update(self, statement: str, **values: int) -> int:
        """Run one of the batch's own statements on our row; how many rows it matched."""
        key = self._spec.key
        row = {"of_topic": key.topic, "of_partition": key.partition, "of_group": self._spec.group}
        return self.session.connection.exec_driver_sql(statement, row | values).rowcount

    def _execute(self, statement: bytes) -> int:
        try:
            with translated():
                done = self.session.connection.exec_driver_sql(statement, execution_options={"no_parameters": True})  # type: ignore[arg-type]
        except DatabaseTrouble:
            self._shaken = True
            raise
        finally:
            self._sign_of_life()
        kill_points.reach("writer:mid_insert")
        return done.rowcount

    def _correct(self, position: Position, batch: Batch, rows: int, dead: int) -> None:
        """The totals, after the server has refused a statement. It matches only inside the transaction that moved the
        offset: a server that rolled all of it back with what it refused is found out here, and all is done again.
        """
        with translated(OFFSETS.name):
            corrected = self._update(
                CORRECT, of_epoch=position.epoch, at_offset=batch.next_offset, more_rows=rows, more_dead=dead
            )
        if corrected != 1:
            self.disconnect()
            raise DatabaseTrouble(ROLLED_BACK)

    def rollback(self) -> None:
        """Undo the whole transaction: a lock wait timeout or a refused value undoes only its own statement."""
        with translated():
            self.session.connection.rollback()

    def read(self) -> Position | None:
        """What the row says now, waiting for whoever is changing it; None if there is no row.

        Looks at the engines too: on a table that lost its transactions, the next lost connection would double rows.
        """
        with translated(OFFSETS.name):
            self._require_tables()
            row = self._locked_row()
            self.session.connection.rollback()
        return None if row is None else Position(row.epoch, row.offset, row.leader_epoch)
