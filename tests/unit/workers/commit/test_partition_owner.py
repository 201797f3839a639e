"""The core of exactly once against a ledger in memory that fails in every way a server can."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtpipe.errors import RtpipeError
from rtpipe.mysql.error_numbers import Action
from tests.support.samples.batches import batch_of
from workers.commit.partition_owner import PartitionOwner
from workers.commit.work import NotWritten, TooMuch, Transaction, Work
from workers.contract.batch import Batch
from workers.contract.errors import BrokenInvariant, Fenced, SetupError, TemporaryError
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble

KEY = PartitionKey("orders", 3)
LOST, DEADLOCK, READ_ONLY, TOO_LONG, DISK_FULL = 2013, 1213, 1290, 1406, 1114


class Server:
    """One offset row and the offsets of the rows that were committed with it."""

    def __init__(self) -> None:
        self.row: Position | None = Position(0, 0)
        self.written: list[int] = []


class MemoryLedger:
    """`faults` says what happens at each transaction: a number to fail with before or after the COMMIT, or None."""

    def __init__(self, server: Server, faults: Iterable[tuple[str, int] | None] = ()) -> None:
        self.server = server
        self.faults = iter(faults)
        self.unreadable = 0  # what the next read fails with
        self.tries = 0

    def _row(self) -> Position:
        assert self.server.row is not None
        return self.server.row

    def claim(self) -> Position:
        self.server.row = Position(self._row().epoch + 1, self._row().offset)
        return self.server.row

    def reclaim(self, epoch: int) -> Position | None:
        return None if self.server.row is None or self._row().epoch != epoch else self.claim()

    def transact(self, position: Position, batch: Batch, work: Work) -> bool:
        self.tries += 1
        fault = next(self.faults, None)
        if fault and fault[0] == "before":
            raise DatabaseTrouble(fault[1])
        row = self.server.row
        if row is None or (row.epoch, row.offset) != (position.epoch, batch.first):
            return False
        self.server.row = Position(row.epoch, batch.next_offset)
        self.server.written += batch.offsets
        if fault:
            raise DatabaseTrouble(fault[1])
        return True

    def rollback(self) -> None:
        pass

    def read(self) -> Position | None:
        number, self.unreadable = self.unreadable, 0
        if number:
            raise DatabaseTrouble(number)
        return self.server.row

    glance = read

    def disconnect(self) -> None:
        pass


class NoWait:
    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.waits = False  #: as the status would say

    def pause(self, reason: str, seconds: float) -> None:
        self.reasons.append(reason)
        self.waits = True

    def over(self) -> None:
        self.waits = False


def batch(first: int, count: int = 2) -> Batch:
    made = batch_of([b"x"] * count, list(range(first, first + count)))
    return replace(made, first=first, next_offset=first + count)


class Nothing:
    """The work of a ledger that writes by itself."""

    rows, dead = 1, 0
    only_statement = None

    def run(self, transaction: Transaction) -> None:
        pass

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        return False


def owner_of(server: Server, *faults: tuple[str, int] | None) -> PartitionOwner:
    owner = PartitionOwner(KEY, MemoryLedger(server, faults), NoWait())
    owner.claim()
    return owner


def commit(owner: PartitionOwner, what: Batch) -> None:
    owner.commit(what, Nothing())


def test_batches_move_the_offset() -> None:
    server = Server()
    owner = owner_of(server)
    commit(owner, batch(0))
    commit(owner, batch(2))
    assert server.written == [0, 1, 2, 3]
    assert server.row == Position(1, 4)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [LOST, READ_ONLY])
def test_a_lost_commit_is_decided_by_the_row(when: str, number: int) -> None:
    server = Server()
    owner = owner_of(server, (when, number))
    commit(owner, batch(0))
    assert server.written == [0, 1]
    assert owner.position == Position(2, 2)


def test_a_deadlock_replays_the_whole_batch() -> None:
    server = Server()
    owner = owner_of(server, ("before", DEADLOCK), ("before", DEADLOCK))
    commit(owner, batch(0))
    assert server.written == [0, 1]
    assert owner.position.epoch == 1


@pytest.mark.parametrize("gives_up", [NotWritten("another"), TooMuch(DatabaseTrouble(DISK_FULL))], ids=str)
def test_an_outage_is_over_with_the_next_commit_and_not_before(gives_up: NotWritten) -> None:
    """A server whose disk is full takes the claim of a new connection; that it takes no rows is still true."""

    server, outage, another_way = Server(), NoWait(), [gives_up]

    class GivesUp(MemoryLedger):
        def transact(self, position: Position, batch: Batch, work: Work) -> bool:
            if outage.waits and another_way:
                raise another_way.pop()
            return super().transact(position, batch, work)

    owner = PartitionOwner(KEY, GivesUp(server, [("before", DISK_FULL)]), outage)
    owner.claim()
    with pytest.raises(type(gives_up)):
        commit(owner, batch(0))
    assert outage.waits
    assert not server.written
    commit(owner, batch(0))
    assert not outage.waits
    assert server.written == [0, 1]


def test_a_refused_value_is_the_callers_to_judge() -> None:
    server = Server()
    owner = owner_of(server, ("before", TOO_LONG))
    with pytest.raises(DatabaseTrouble) as caught:
        commit(owner, batch(0))
    assert caught.value.action is Action.DATA
    assert server.written == []


def test_an_overtaken_writer_is_fenced_and_writes_nothing() -> None:
    server = Server()
    zombie, successor = owner_of(server), owner_of(server)
    commit(successor, batch(0))
    with pytest.raises(Fenced, match="orders/3 epoch 1 lost to 2"):
        commit(zombie, batch(0))
    assert server.written == [0, 1]


def test_an_overtaken_writer_with_a_lost_connection_is_fenced_too() -> None:
    server = Server()
    zombie = owner_of(server, ("before", LOST))
    commit(owner_of(server), batch(0))
    with pytest.raises(Fenced):
        commit(zombie, batch(0))
    assert server.written == [0, 1]


def test_a_lost_or_doubled_batch_is_never_written() -> None:
    owner = owner_of(Server())
    with pytest.raises(BrokenInvariant, match="batch starts at 2, ledger is at 0"):
        commit(owner, batch(2))


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (Position(1, 1), TemporaryError),
        (Position(0, 4), TemporaryError),
        (Position(1, 9), BrokenInvariant),
        (Position(3, 4), Fenced),
        (None, SetupError),
    ],
)
def test_a_row_that_somebody_changed_stops_the_writer(row: Position | None, error: type[Exception]) -> None:
    server = Server()
    owner = owner_of(server)
    commit(owner, batch(0, 4))
    server.row = row
    with pytest.raises(error):
        commit(owner, batch(4))
    for look in (owner.check, owner.check_at_rest):
        with pytest.raises(error):
            look()
    assert server.written == [0, 1, 2, 3]


def test_an_idle_owner_that_still_owns_goes_on() -> None:
    owner = owner_of(Server())
    owner.check()
    owner.check_at_rest()


def idle(server: Server, number: int) -> PartitionOwner:
    """An owner at offset 2 whose next look at the row fails."""
    ledger = MemoryLedger(server)
    owner = PartitionOwner(KEY, ledger, NoWait())
    owner.claim()
    commit(owner, batch(0))
    ledger.unreadable = number
    return owner


@pytest.mark.parametrize("number", [LOST, READ_ONLY, DEADLOCK])
def test_an_idle_owner_that_lost_its_connection_claims_anew(number: int) -> None:
    owner = idle(server := Server(), number)
    owner.check_at_rest()
    assert owner.position == server.row == Position(2, 2)
    commit(owner, batch(2))


@pytest.mark.parametrize(("row", "error"), [(Position(1, 1), TemporaryError), (Position(5, 2), Fenced)])
def test_an_idle_owner_finds_behind_a_lost_connection_what_became_of_the_row(
    row: Position, error: type[Exception]
) -> None:
    owner = idle(server := Server(), LOST)
    server.row = row
    with pytest.raises(error):
        owner.check_at_rest()


def test_an_idle_owner_that_is_refused_says_so() -> None:
    with pytest.raises(RtpipeError, match="orders/3: checking"):
        idle(Server(), 1142).check_at_rest()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(5, 60))
def test_any_schedule_of_faults_and_successors_writes_each_offset_once(seed: int, batches: int) -> None:
    """Crashes, lost replies, deadlocks and zombies in any order: the rows are 0, 1, 2, … and nothing else."""
    explore(seed, batches)


def test_many_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same by bare seeds, many more of them in the same time (`make faults`: 100,000); a failure names its seed."""
    monkeypatch.setattr(logging.getLogger("rtpipe.owner"), "disabled", True)
    first = random.randrange(2**32)
    for seed in range(first, first + int(os.environ.get("RTPIPE_SCHEDULES", "300"))):
        try:
            explore(seed, seed % 30 + 5)
        except BaseException:
            print(f"explore({seed}, {seed % 30 + 5}) fails")
            raise


def explore(seed: int, batches: int) -> None:
    chance = random.Random(seed)
    server = Server()

    def faults() -> Iterable[tuple[str, int] | None]:
        while True:
            choice = chance.random()
            yield (
                None
                if choice < 0.6
                else (chance.choice(["before", "after"]), LOST)
                if choice < 0.8
                else ("before", DEADLOCK)
            )

    owners = [owner_of(server)]
    owners[0]._ledger.faults = iter(faults())  # type: ignore[attr-defined]
    for _ in range(batches):
        if chance.random() < 0.2:
            newcomer = PartitionOwner(KEY, MemoryLedger(server, faults()), NoWait())
            newcomer.claim()
            owners.append(newcomer)
        owner = chance.choice(owners)
        try:
            commit(owner, batch(owner.position.offset, chance.randrange(4)))
        except TooMuch:  # whose work would go in parts
            continue
        except Fenced:
            owners.remove(owner)
        if not owners:
            owners.append(owner_of(server))
    assert server.written == list(range(len(server.written)))
    assert server.row is not None
    assert server.row.offset == len(server.written)
