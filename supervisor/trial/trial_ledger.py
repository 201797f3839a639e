"""The ledger of a trial: the transaction of a batch as a writer makes it, but for its offset, and rolled back.

It claims nothing, and moves no offset. The partition's row in kafka_offsets is locked while a batch is tried, as by its
writer: a writer at work waits for the end of a batch, and never meets a row of the trial.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from avro_schemas.tables.own_tables.offsets import OFFSETS
from rtpipe.errors import UnreachableError
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.open_transaction import OpenTransaction
from workers.commit.offsets.partition_claim import PartitionClaim
from workers.commit.work import Work
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Position
from workers.database.errors import translated

#: Pauses of a trial, after which it gives up, and the longest of them in seconds.
_PAUSES, _LONGEST = 8, 2.0
OVERTAKEN = "meanwhile a writer has committed them"


class TrialLedger:
    """What PartitionOwner needs, for messages from `first` on. All methods raise DatabaseTrouble."""

    def __init__(
        self, spec: PartitionSpec, connection: LedgerConnection, first: int, why_not: Callable[[], str]
    ) -> None:
        """`why_not`: why rows cannot be written just now, "" if they can."""
        self._connection = connection
        self._claim = PartitionClaim(spec, connection)
        self._position = Position(0, first)
        self._why_not = why_not
        self.note = ""  #: why messages were not written
        self.unwritten = 0  #: messages

    def claim(self) -> Position:
        """Where the trial stands."""
        return self._position

    def reclaim(self, epoch: int) -> Position | None:  # noqa: ARG002
        """After a lost connection: nothing was ever committed."""
        return self._position

    def transact(self, position: Position, batch: Batch, work: Work) -> bool:
        """Write the batch and undo it, unless the table is not what it must be, or a writer was faster."""
        why = self._why_not() or self._tried(batch, work)
        if why:
            self.note = why
            self.unwritten += len(batch.offsets)
        self._position = Position(position.epoch, batch.next_offset)
        return True

    def _tried(self, batch: Batch, work: Work) -> str:
        session = self._connection.session
        with translated(OFFSETS.name):
            row = self._claim.locked_row()
        overtaken = row is not None and row.offset > batch.first
        if not overtaken:
            work.run(OpenTransaction(session, lambda: None))
        self.rollback()
        return OVERTAKEN if overtaken else ""

    def rollback(self) -> None:
        """Undo the transaction."""
        with translated():
            self._connection.session.connection.rollback()

    def read(self) -> Position | None:
        """Where the trial stands."""
        return self._position

    glance = read

    def disconnect(self) -> None:
        """Drop the connection; the server rolls back what was open on it."""
        self._connection.close()


class TrialPauses:
    """How a trial waits for a database that cannot take a batch just now: a few times, and not for long."""

    def __init__(self) -> None:
        self._left = _PAUSES

    def pause(self, reason: str, seconds: float) -> None:
        """Sleep. UnreachableError if that was done too often."""
        if not self._left:
            raise UnreachableError(f"the database cannot take the rows for now: {reason}", hint="try again later")
        self._left -= 1
        time.sleep(min(seconds, _LONGEST))

    def over(self) -> None:
        """It goes on."""
        self._left = _PAUSES
