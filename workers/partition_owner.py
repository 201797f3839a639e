"""The core of exactly once: what a writer concludes from what the ledger answers. No I/O of its own."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Protocol, TypeVar

from workers.batch_queue import Batch
from workers.database_errors import PASSING, Action, DatabaseTrouble
from workers.errors import BrokenInvariant, Fenced, SetupError, TemporaryError
from workers.partition_spec import PartitionKey
from workers.process_log import get_logger
from workers.reports import Position

log = get_logger("owner")
_T = TypeVar("_T")


class NotWritten(Exception):  # noqa: N818 - what it stands for becomes an error where it is known
    """The work gave up in the middle of its transaction, which is rolled back."""


class Work(Protocol):
    """What a batch writes beside its offset. A try may fail and be followed by another, so `run` is called anew."""

    @property
    def rows(self) -> int:
        """Rows that it writes, as far as is known."""

    @property
    def dead(self) -> int:
        """Dead letters that it writes, as far as is known."""

    def run(self, execute: Callable[[bytes], None]) -> None:
        """Execute the statements. One that the server refuses for its data is undone alone; the transaction goes on."""


class Ledger(Protocol):
    """What the core needs of the database; every method may raise DatabaseTrouble."""

    def claim(self) -> Position:
        """Own the partition under a new epoch."""

    def reclaim(self, epoch: int) -> Position | None:
        """The row's truth after a lost connection; None if another epoch owns it."""

    def transact(self, position: Position, batch: Batch, work: Work) -> bool:
        """Offset and rows in one transaction; False if the row is not at `position`."""

    def rollback(self) -> None:
        """Undo the transaction."""

    def read(self) -> Position | None:
        """The row as it is now, waiting for whoever changes it; SetupError if a table is not transactional."""

    def disconnect(self) -> None:
        """Drop the connection."""


class Outage(Protocol):
    """How a writer waits: `pause` sleeps (and may raise to stop the process), `over` says that it goes on."""

    def pause(self, reason: str, seconds: float) -> None:
        """Wait before the next try."""

    def over(self) -> None:
        """The service answers again."""


class PartitionOwner:
    """Commits each batch exactly once, whatever happens to the connection or to rivals."""

    def __init__(self, key: PartitionKey, ledger: Ledger, outage: Outage) -> None:
        self._key = key
        self._ledger = ledger
        self._outage = outage
        self.position = Position(0, 0)

    def claim(self) -> Position:
        """Become the owner; waits as long as the database is away."""
        self.position = self._insist("claiming", self._ledger.claim)
        self._outage.over()
        return self.position

    def commit(self, batch: Batch, work: Work) -> None:
        """Return once `batch` is committed, by this call or by one whose reply was lost. NotWritten if `work` gave up.

        A batch that does not begin where the ledger stands was lost or doubled on its way and is never written.
        """
        if batch.first != self.position.offset:
            raise BrokenInvariant(f"{self._key}: batch starts at {batch.first}, ledger is at {self.position.offset}")
        attempt = 0
        while True:
            try:
                if self._ledger.transact(self.position, batch, work):
                    self.position = dataclasses.replace(self.position, offset=batch.next_offset)
                    break
                raise self._judgement(self._ledger.read())
            except NotWritten:
                self._roll_back()
                raise
            except DatabaseTrouble as trouble:
                attempt += 1
                if trouble.action is Action.REPLAY:
                    self._replay(trouble, attempt)
                elif trouble.action in {Action.LOST, Action.WAIT}:
                    self._recover(trouble, attempt)
                    if self._committed(batch):
                        break
                else:
                    self._roll_back()
                    raise
        if attempt:
            self._outage.over()

    def check(self) -> None:
        """Between two batches: notice a fence, a dead connection or a changed table before the next message does.

        A new connection claims anew, so that the row tells a successor which one to KILL.
        """
        expected = self.position.offset
        try:
            found = self._ledger.read()
        except DatabaseTrouble as trouble:
            if trouble.action not in PASSING:
                raise trouble.as_error(f"{self._key}: checking") from trouble
            self._recover(trouble, attempt=1)
            found = self.position
        self._outage.over()
        if found is None or found.epoch != self.position.epoch:
            raise self._judgement(found)
        if found.offset != expected:
            raise self._moved(expected, found.offset)

    def _replay(self, trouble: DatabaseTrouble, attempt: int) -> None:
        log.info("%s: %s; replaying the batch", self._key, trouble, extra={"event": "batch_replayed"})
        self._roll_back()
        self._outage.pause(str(trouble), min(2.0, 0.05 * 2 ** min(attempt, 6)) * random.uniform(0.5, 1))

    def _roll_back(self) -> None:
        try:
            self._ledger.rollback()
        except DatabaseTrouble:
            self._ledger.disconnect()

    def _recover(self, trouble: DatabaseTrouble, attempt: int) -> None:
        """Re-claim after a lost connection; afterwards the position is the truth again."""
        self._ledger.disconnect()
        if trouble.action is Action.WAIT:
            self._outage.pause(
                f"database: {trouble}", min(10.0, 0.05 * 2 ** min(attempt, 8)) * random.uniform(0.8, 1.2)
            )
        found = self._insist("re-claiming", lambda: self._ledger.reclaim(self.position.epoch))
        if found is None:
            raise self._judgement(self._insist("reading the ledger", self._ledger.read))
        self.position = found

    def _committed(self, batch: Batch) -> bool:
        """What became of a COMMIT whose reply was lost; the locked row decides, never the client's error."""
        outcome = {batch.next_offset: "committed", batch.first: "rolled back"}.get(self.position.offset)
        if outcome is None:
            raise self._moved(batch.first, self.position.offset)
        log.warning(
            "W_COMMIT_OUTCOME %s %s",
            self._key,
            outcome,
            extra={"event": "commit_outcome", "outcome": outcome, "partition": str(self._key)},
        )
        return self.position.offset == batch.next_offset

    def _insist(self, doing: str, step: Callable[[], _T]) -> _T:
        """Run `step` until the database answers; 100 ms to 10 s between tries."""
        delay = 0.1
        while True:
            try:
                answer = step()
            except DatabaseTrouble as trouble:
                if trouble.action not in PASSING:
                    raise trouble.as_error(f"{self._key}: {doing}") from trouble
                self._ledger.disconnect()
                self._outage.pause(f"database: {trouble}", delay * random.uniform(0.8, 1.2))
                delay = min(10.0, delay * 2)
            else:
                return answer

    def _judgement(self, found: Position | None) -> Exception:
        """Why a compare-and-set matched no row."""
        mine = self.position
        if found is None:
            return SetupError(
                f"{self._key}: its row in kafka_offsets is gone", hint="restore the row before you resume"
            )
        if found.epoch > mine.epoch:
            return Fenced(f"{self._key} epoch {mine.epoch} lost to {found.epoch}")
        if found.epoch < mine.epoch:
            return TemporaryError(f"W_REWOUND {self._key}: epoch {mine.epoch} -> {found.epoch}; claiming anew")
        return self._moved(mine.offset, found.offset)

    def _moved(self, expected: int, found: int) -> Exception:
        """Same epoch, other offset: the database went back in time, or rtpipe has a bug."""
        if found < expected:
            return TemporaryError(f"W_REWOUND {self._key} {expected} -> {found}")
        return BrokenInvariant(f"{self._key}: ledger is at {found}, ahead of {expected}, under our own epoch")
