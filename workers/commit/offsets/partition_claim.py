"""Who owns a partition: its row in kafka_offsets, claimed under a new epoch, and re-claimed after a lost connection."""

from __future__ import annotations

import contextlib
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, insert, select, update

from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.log import get_logger
from rtpipe.mysql.error_numbers import DUPLICATE, LOCK_WAIT_TIMEOUT
from workers.commit.offsets.claim_checks import check_identity, check_owner, check_siblings, owner_of
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.offset_statements import row_of
from workers.contract.errors import SetupError, TemporaryError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble, translated

log = get_logger("ledger")
_ROUNDS = 3


class PartitionClaim:
    """The claim of one writer on one partition. All methods raise DatabaseTrouble."""

    def __init__(self, spec: PartitionSpec, connection: LedgerConnection) -> None:
        self._spec = spec
        self._connection = connection

    def claim(self) -> Position:
        """Own the partition from its stored offset on: a new process starts with this.

        Waits for a predecessor that still holds the row's lock and, should it never let go, KILLs its connection.
        Fenced if another supervisor took the partition from ours: it is not taken back.
        """
        for _ in range(_ROUNDS):
            try:
                return self._claim_once()
            except DatabaseTrouble as trouble:
                self._connection.close()
                if trouble.number == LOCK_WAIT_TIMEOUT:
                    self._kill_predecessor()
                elif trouble.number != DUPLICATE:  # somebody else made the very first row at the same time
                    raise
        raise TemporaryError(f"{self._spec.key}: the row in {OFFSETS.name} stays locked by another session")

    def _claim_once(self) -> Position:
        database = self._connection.session.connection
        with translated(OFFSETS.name):
            row = self.locked_row()
            if row is None:
                row = self._first_row()
            check_identity(self._spec, row)
            check_owner(self._spec, row)
            identity = {"topic_id": self._spec.topic_id, "cluster_id": self._spec.cluster_id}
            database.execute(update(OFFSETS).where(self._row()).values(**self._ownership(), **identity))
            database.commit()
        return Position(row.epoch + 1, row.offset, row.leader_epoch)

    def _first_row(self) -> Row[Any]:
        """Make the row of a partition that nobody has read before, and lock it."""
        if self._spec.known:
            raise SetupError(
                f"{self._spec.key}: its row in {OFFSETS.name} is gone", hint="restore the row before you resume"
            )
        key, database = self._spec.key, self._connection.session.connection
        siblings = and_(OFFSETS.c.topic == key.topic, OFFSETS.c.consumer_group == self._spec.group)
        check_siblings(self._spec, database.execute(select(OFFSETS.c.topic_id).where(siblings)).scalars().all())
        values = {"epoch": 0, "leader_epoch": -1, "rows_total": 0, "dead_total": 0}
        values |= {"partition": key.partition, "offset": self._spec.first_offset}
        database.execute(insert(OFFSETS).values(topic=key.topic, consumer_group=self._spec.group, **values))
        return database.execute(self._locking()).one()

    def _ownership(self) -> dict[str, Any]:
        return {
            "epoch": OFFSETS.c.epoch + 1,
            "connection_id": self._connection.session.id,
            "server": self._connection.session.server,
            "owner": owner_of(self._spec),
            "updated_at": func.utc_timestamp(6),
        }

    def _row(self) -> ColumnElement[bool]:
        return row_of(self._spec.key.topic, self._spec.key.partition, self._spec.group)

    def _locking(self) -> Select[Any]:
        return select(OFFSETS).where(self._row()).with_for_update()

    def locked_row(self) -> Row[Any] | None:
        """The row as it is, locked until the transaction ends; waits for whoever is changing it."""
        return self._connection.session.connection.execute(self._locking()).one_or_none()

    def _kill_predecessor(self) -> None:
        """End the session that holds our row: same account, same server, so KILL needs no privilege."""
        with translated(OFFSETS.name):
            row = self._connection.session.connection.execute(select(OFFSETS).where(self._row())).one_or_none()
            self._connection.session.connection.rollback()
            if row is not None:
                check_owner(self._spec, row)
            if row is None or not row.connection_id or row.server != self._connection.session.server:
                return
            log.warning(
                "%s: connection %d of %s holds the offset row; killing it",
                self._spec.key,
                row.connection_id,
                row.owner,
                extra={"event": "predecessor_killed", "partition": str(self._spec.key)},
            )
            with contextlib.suppress(DatabaseTrouble), translated():
                self._connection.session.connection.exec_driver_sql(f"KILL {int(row.connection_id)}")

    def reclaim(self, epoch: int) -> Position | None:
        """After a lost connection: the truth about our own last COMMIT, under a new epoch. None means fenced.

        The locking read waits for a COMMIT of our dead session that the server is still busy with; the new epoch
        makes a compare-and-set of that session fail which has not arrived yet.
        """
        with translated(OFFSETS.name):
            row = self.locked_row()
            if row is None or row.epoch != epoch:
                self._connection.session.connection.rollback()
                return None
            self._connection.session.connection.execute(update(OFFSETS).where(self._row()).values(**self._ownership()))
        try:
            with translated():
                self._connection.session.connection.commit()
        except DatabaseTrouble as trouble:
            self._connection.close()
            raise TemporaryError(f"{self._spec.key}: connection lost while re-claiming ({trouble})") from trouble
        return Position(epoch + 1, row.offset, row.leader_epoch)
