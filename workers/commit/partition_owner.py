"""The core of exactly once: what a writer concludes from what the ledger answers. No I/O of its own."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Protocol, TypeVar

from rtpipe.log import get_logger
from rtpipe.mysql.error_numbers import PASSING, Action
from rtpipe.pause import PausePolicy
from workers.commit.work import NotWritten, TooMuch, Work
from workers.contract.batch import Batch
from workers.contract.errors import BrokenInvariant, Fenced, SetupError, TemporaryError
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble

log = get_logger("owner")
_T = TypeVar("_T")
#: Errors that are waited for where no row is to blame: those that may pass, and those that may or may not.
_WAITED = PASSING | {Action.UNKNOWN, Action.SMALLER}
#: Tries of a batch, after which less of it is tried.
_TRIES = 3
#: Pauses between two tries: of a transaction that another session blocked, and of a server that is away.
_REPLAYS = PausePolicy(first=0.1, longest=2.0, jitter=0.2)
_PAUSES = PausePolicy(first=0.1, longest=10.0, jitter=0.2)
#: A login that is refused again and again may lock the account.
_LOGINS = PausePolicy(first=0.1, longest=60.0, jitter=0.2)


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

    def glance(self) -> Position | None:
        """The row as it is now, and nothing else."""

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
            except DatabaseTrouble as caught:
                trouble = caught
            attempt += 1
            if self._overcome(trouble, attempt, batch):
                break
            self._lessen(trouble, attempt, batch, work)
        self._outage.over()  # not before: that the database takes a claim does not say that it takes rows

    def _overcome(self, trouble: DatabaseTrouble, attempt: int, batch: Batch) -> bool:
        """Be ready for another try; True if none is needed. Raises what no other try can mend."""
        if trouble.at_commit or (trouble.action in _WAITED and trouble.action not in {Action.REPLAY, Action.SMALLER}):
            self._recover(trouble, attempt)
            return self._committed(batch, trouble)
        if trouble.action not in _WAITED:
            self._roll_back()
            raise trouble
        self._replay(trouble, attempt)
        return False

    def _lessen(self, trouble: DatabaseTrouble, attempt: int, batch: Batch, work: Work) -> None:
        """What is too much at once may go in parts; of a single message, something is left out."""
        lasting = attempt >= _TRIES and not trouble.of_table
        if len(batch.offsets) > 1 and (trouble.action is Action.SMALLER or lasting):
            raise TooMuch(trouble)
        if trouble.action is Action.SMALLER and not work.give_up(trouble):
            self._outage.pause(trouble.reason, _PAUSES.seconds(attempt, random.random()))

    def check(self) -> None:
        """Between two batches: notice a fence, a dead connection or a changed table before the next message does.

        A new connection claims anew, so that the row tells a successor which one to KILL.
        """
        self._check(self._ledger.read)

    def check_at_rest(self) -> None:
        """The same, but for the tables: hundreds of partitions that rest do this again and again."""
        self._check(self._ledger.glance)

    def _check(self, read: Callable[[], Position | None]) -> None:
        expected = self.position.offset
        try:
            found = read()
        except DatabaseTrouble as trouble:
            if trouble.action not in _WAITED:
                raise trouble.as_error(f"{self._key}: checking") from trouble
            self._recover(trouble, attempt=1)
            found = self.position
        self._outage.over()
        if found is None or found.epoch != self.position.epoch:
            raise self._judgement(found)
        if found.offset != expected:
            raise self._moved(expected, found.offset)

    def _replay(self, trouble: DatabaseTrouble, attempt: int) -> None:
        log.info("%s: %s; replaying the batch", self._key, trouble.text, extra={"event": "batch_replayed"})
        self._roll_back()
        if trouble.action is Action.REPLAY:
            self._outage.pause(trouble.text, _REPLAYS.seconds(attempt, random.random()))

    def _roll_back(self) -> None:
        try:
            self._ledger.rollback()
        except DatabaseTrouble:
            self._ledger.disconnect()

    def _recover(self, trouble: DatabaseTrouble, attempt: int) -> None:
        """Re-claim after a lost connection; afterwards the position is the truth again."""
        self._ledger.disconnect()
        if trouble.action is not Action.LOST or attempt > 1:
            self._outage.pause(trouble.reason, _pause(attempt, trouble))
        found = self._insist("re-claiming", lambda: self._ledger.reclaim(self.position.epoch))
        if found is None:
            raise self._judgement(self._insist("reading the ledger", self._ledger.read))
        self.position = found

    def _committed(self, batch: Batch, trouble: DatabaseTrouble) -> bool:
        """What became of a COMMIT whose reply was lost; the locked row decides, never the client's error."""
        outcome = {batch.next_offset: "committed", batch.first: "rolled back"}.get(self.position.offset)
        if outcome is None:
            raise self._moved(batch.first, self.position.offset)
        if trouble.at_commit or trouble.action is Action.LOST:
            log.warning(
                "W_COMMIT_OUTCOME %s %s",
                self._key,
                outcome,
                extra={"event": "commit_outcome", "outcome": outcome, "partition": str(self._key)},
            )
        return self.position.offset == batch.next_offset

    def _insist(self, doing: str, step: Callable[[], _T]) -> _T:
        """Run `step` until the database answers, with longer and longer pauses between tries."""
        attempt = 0
        while True:
            try:
                answer = step()
            except DatabaseTrouble as trouble:
                if trouble.action not in _WAITED:
                    raise trouble.as_error(f"{self._key}: {doing}") from trouble
                attempt += 1
                self._ledger.disconnect()
                self._outage.pause(trouble.reason, _pause(attempt, trouble))
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
            return TemporaryError(
                f"W_REWOUND {self._key}: epoch {mine.epoch} -> {found.epoch}; the partition is claimed again"
            )
        return self._moved(mine.offset, found.offset)

    def _moved(self, expected: int, found: int) -> Exception:
        """Same epoch, other offset: the database went back in time, or has another history, or rtpipe has a bug."""
        if found < expected:
            return TemporaryError(f"W_REWOUND {self._key} {expected} -> {found}")
        return BrokenInvariant(
            f"{self._key}: ledger is at {found}, ahead of {expected}, under our own epoch",
            hint="if two servers took writes, this is the other one: docs/scaling.md, a failover",
        )


def _pause(attempt: int, trouble: DatabaseTrouble) -> float:
    """Seconds until the next try."""
    policy = _LOGINS if trouble.action is Action.LOGIN else _PAUSES
    return policy.seconds(attempt, random.random())
