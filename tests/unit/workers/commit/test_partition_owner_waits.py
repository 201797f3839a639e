"""What an owner does between two tries: rolls back or reconnects, waits how long for what reason, and says what."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.support.samples.batches import batch_of
from workers.commit import partition_owner
from workers.commit.partition_owner import PartitionOwner
from workers.commit.work import NotWritten, TooMuch, Transaction, Work
from workers.contract.batch import Batch
from workers.contract.errors import BrokenInvariant, Fenced, SetupError, TemporaryError
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble

KEY = PartitionKey("orders", 3)
LOST, DEADLOCK, READ_ONLY, LOGIN, TOO_LARGE, UNKNOWN, NO_TABLE = 2013, 1213, 1290, 1045, 1197, 59_999, 1146


class Ledger:
    """Every step is one word in `done`; `answers` are what the next ones say, errors among them."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.done: list[str] = []
        self.position = Position(1, 0)

    def _next(self, step: str, usual: Any) -> Any:
        self.done.append(step)
        left = self.answers.get(step, [])
        answer = left.pop(0) if left else usual
        if isinstance(answer, Exception):
            raise answer
        return answer

    def claim(self) -> Position:
        found: Position = self._next("claim", self.position)
        return found

    def reclaim(self, epoch: int) -> Position | None:
        assert epoch >= 1
        found: Position | None = self._next("reclaim", Position(epoch + 1, 0))
        return found

    def transact(self, position: Position, batch: Batch, work: Work) -> bool:
        assert position.offset == batch.first
        assert work.rows >= 0
        return bool(self._next("transact", True))

    def rollback(self) -> None:
        self._next("rollback", None)

    def read(self) -> Position | None:
        found: Position | None = self._next("read", self.position)
        return found

    glance = read

    def disconnect(self) -> None:
        self._next("disconnect", None)


class Waits:
    """Remembers the pauses, as (seconds, reason), and each time that the server answered again."""

    def __init__(self, most: int = 20) -> None:
        self.pauses: list[tuple[float, str]] = []
        self.overs = 0
        self.most = most

    def pause(self, reason: str, seconds: float) -> None:
        self.pauses.append((round(seconds, 3), reason))
        if len(self.pauses) >= self.most:
            raise KeyboardInterrupt

    def over(self) -> None:
        self.overs += 1

    @property
    def seconds(self) -> list[float]:
        return [seconds for seconds, _ in self.pauses]


class One:
    """The work of one message, which can give up so many times."""

    rows, dead = 1, 0
    only_statement = None

    def __init__(self, gives: int = 0) -> None:
        self.gives = gives

    def run(self, transaction: Transaction) -> None:
        raise AssertionError(transaction)

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        assert trouble.number == TOO_LARGE
        self.gives -= 1
        return self.gives >= 0


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_owner.random, "random", lambda: 0.5)  # type: ignore[attr-defined]


def owner_on(ledger: Ledger, waits: Waits | None = None) -> PartitionOwner:
    owner = PartitionOwner(KEY, ledger, waits or Waits())
    owner.claim()
    ledger.done.clear()
    return owner


def trouble(number: int, *, at_commit: bool = False, of_table: bool = False) -> DatabaseTrouble:
    found = DatabaseTrouble(number)
    found.at_commit, found.of_table = at_commit, of_table
    return found


def test_a_claim_waits_longer_and_longer_for_a_server_and_says_that_it_is_over() -> None:
    ledger, waits = Ledger(claim=[trouble(READ_ONLY)] * 9), Waits()
    assert PartitionOwner(KEY, ledger, waits).claim() == Position(1, 0)
    assert waits.seconds == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]
    assert (waits.overs, ledger.done) == (1, ["claim", "disconnect"] * 9 + ["claim"])
    assert waits.pauses[0][1].startswith("database: read only (MySQL 1290); it continues by itself")


def test_an_owner_that_has_not_claimed_yet_is_at_the_beginning() -> None:
    assert PartitionOwner(KEY, Ledger(), Waits()).position == Position(0, 0)


def test_a_refused_login_waits_up_to_a_minute() -> None:
    waits = Waits()
    PartitionOwner(KEY, Ledger(claim=[trouble(LOGIN)] * 11), waits).claim()
    assert waits.seconds[-2:] == [51.2, 60]


def test_a_claim_that_is_refused_for_good_says_what_it_did() -> None:
    with pytest.raises(SetupError, match=r"^orders/3: claiming: "):
        PartitionOwner(KEY, Ledger(claim=[trouble(NO_TABLE)]), Waits()).claim()


@pytest.mark.parametrize("step", ["re-claiming", "reading the ledger"])
def test_what_is_refused_for_good_after_a_lost_connection_says_what_it_did(step: str) -> None:
    refused = trouble(NO_TABLE)
    answers: list[Any] = [refused] if step == "re-claiming" else [None]
    ledger = Ledger(transact=[trouble(LOST)], reclaim=answers, read=[refused])
    with pytest.raises(SetupError, match=f"^orders/3: {step}: "):
        owner_on(ledger).commit(batch_of([b"v"]), One())


@pytest.mark.parametrize("number", [READ_ONLY, LOGIN, DEADLOCK, TOO_LARGE])
def test_pauses_differ_by_chance_so_that_not_all_writers_try_at_once(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_owner.random, "random", lambda: 0.0)  # type: ignore[attr-defined]
    waits = Waits()
    owner_on(Ledger(transact=[trouble(number)]), waits).commit(batch_of([b"v"]), One())
    assert waits.seconds == [0.08]


def test_a_deadlock_rolls_back_and_waits_a_little(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ledger, waits = Ledger(transact=[trouble(DEADLOCK)] * 2), Waits()
    owner_on(ledger, waits).commit(batch_of([b"v"]), One())
    assert ledger.done == ["transact", "rollback"] * 2 + ["transact"]
    assert (waits.seconds, waits.overs) == ([0.1, 0.2], 2)
    assert waits.pauses[0][1] == "deadlock (MySQL 1213)"
    said = [record for record in caplog.records if vars(record).get("event") == "batch_replayed"]
    assert [record.getMessage() for record in said] == ["orders/3: deadlock (MySQL 1213); replaying the batch"] * 2


def test_a_rollback_that_fails_drops_the_connection() -> None:
    ledger = Ledger(transact=[trouble(DEADLOCK)], rollback=[trouble(LOST)])
    owner_on(ledger).commit(batch_of([b"v"]), One())
    assert ledger.done == ["transact", "rollback", "disconnect", "transact"]


def test_a_lost_connection_is_claimed_again_at_once_and_then_with_pauses() -> None:
    ledger, waits = Ledger(transact=[trouble(LOST)] * 3), Waits()
    owner = owner_on(ledger, waits)
    owner.commit(batch_of([b"v"]), One())
    assert ledger.done == ["transact", "disconnect", "reclaim"] * 3 + ["transact"]
    assert (waits.seconds, owner.position) == ([0.2, 0.4], Position(4, 1))


def test_a_server_that_takes_no_writes_is_waited_for_before_the_partition_is_claimed_again() -> None:
    ledger, waits = Ledger(transact=[trouble(READ_ONLY)]), Waits()
    owner_on(ledger, waits).commit(batch_of([b"v"]), One())
    assert (ledger.done, waits.seconds) == (["transact", "disconnect", "reclaim", "transact"], [0.1])


@pytest.mark.parametrize("number", [LOST, DEADLOCK, NO_TABLE, TOO_LARGE])
def test_the_row_decides_what_became_of_a_commit_whatever_its_error(number: int) -> None:
    ledger = Ledger(transact=[trouble(number, at_commit=True)], reclaim=[Position(2, 1)])
    waits = Waits()
    owner = owner_on(ledger, waits)
    owner.commit(batch_of([b"v"]), One())
    assert ledger.done == ["transact", "disconnect", "reclaim"]
    assert (owner.position, waits.overs) == (Position(2, 1), 2), "after the claim, and after this"


def test_the_outcome_of_a_commit_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    answers = [trouble(LOST, at_commit=True), trouble(READ_ONLY, at_commit=True), trouble(READ_ONLY)]
    ledger = Ledger(transact=answers, reclaim=[Position(2, 0), Position(3, 0), Position(4, 1)])
    owner_on(ledger).commit(batch_of([b"v"]), One())
    said = [record for record in caplog.records if vars(record).get("event") == "commit_outcome"]
    assert [vars(record)["outcome"] for record in said] == ["rolled back", "rolled back"]
    assert said[0].getMessage() == "W_COMMIT_OUTCOME orders/3 rolled back"
    assert vars(said[0])["partition"] == "orders/3"


def test_a_commit_whose_reply_was_lost_and_that_was_done_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(transact=[trouble(LOST, at_commit=True)], reclaim=[Position(2, 1)])
    owner_on(ledger).commit(batch_of([b"v"]), One())
    [said] = [record for record in caplog.records if vars(record).get("event") == "commit_outcome"]
    assert (said.getMessage(), vars(said)["outcome"]) == ("W_COMMIT_OUTCOME orders/3 committed", "committed")


def test_a_position_that_is_neither_before_nor_after_the_batch_ends_the_writer() -> None:
    for offset, error in ((5, BrokenInvariant), (-1, TemporaryError)):
        ledger = Ledger(transact=[trouble(LOST)], reclaim=[Position(2, offset)])
        with pytest.raises(error):
            owner_on(ledger).commit(batch_of([b"v"]), One())


def test_a_partition_that_another_took_meanwhile_is_left() -> None:
    ledger = Ledger(transact=[trouble(LOST)], reclaim=[None], read=[trouble(LOST), Position(9, 7)])
    with pytest.raises(Fenced, match="orders/3 epoch 1 lost to 9"):
        owner_on(ledger).commit(batch_of([b"v"]), One())
    assert ledger.done[-3:] == ["read", "disconnect", "read"]


@pytest.mark.parametrize(
    ("found", "error", "words"),
    [
        (Position(1, 0), BrokenInvariant, "ledger is at 0, ahead of 0"),
        (Position(1, 2), BrokenInvariant, "ledger is at 2, ahead of 0, under our own epoch"),
        (Position(1, -1), TemporaryError, "W_REWOUND orders/3 0 -> -1"),
        (Position(0, 0), TemporaryError, "W_REWOUND orders/3: epoch 1 -> 0"),
        (Position(2, 0), Fenced, "orders/3 epoch 1 lost to 2"),
        (None, SetupError, "orders/3: its row in kafka_offsets is gone"),
    ],
)
def test_why_the_compare_and_set_found_no_row(found: Position | None, error: type[Exception], words: str) -> None:
    ledger = Ledger(transact=[False], read=[found])
    with pytest.raises(error) as raised:
        owner_on(ledger).commit(batch_of([b"v"]), One())
    assert words in str(raised.value)
    assert ledger.done == ["transact", "read"]
    if isinstance(raised.value, SetupError):
        assert raised.value.hint == "restore the row before you resume"


def test_too_much_for_one_transaction_is_for_the_writer_to_split() -> None:
    ledger = Ledger(transact=[trouble(TOO_LARGE)])
    with pytest.raises(TooMuch) as much:
        owner_on(ledger).commit(batch_of([b"v", b"v"]), One())
    assert (much.value.trouble.number, ledger.done) == (TOO_LARGE, ["transact", "rollback"])
    assert str(much.value) == "larger than max_binlog_cache_size (MySQL 1197)"


@pytest.mark.parametrize("number", [DEADLOCK, LOST, UNKNOWN])
def test_what_fails_three_times_is_tried_in_parts(number: int) -> None:
    ledger = Ledger(transact=[trouble(number)] * 3)
    with pytest.raises(TooMuch):
        owner_on(ledger).commit(batch_of([b"v", b"v"]), One())
    assert ledger.done.count("transact") == 3


@pytest.mark.parametrize("messages", [1, 2])
def test_what_is_the_tables_is_not_tried_in_parts(messages: int) -> None:
    ledger, waits = Ledger(transact=[trouble(UNKNOWN, of_table=True)] * 6), Waits()
    owner_on(ledger, waits).commit(batch_of([b"v"] * messages), One())
    assert ledger.done.count("transact") == 7
    assert "when that is repaired" in waits.pauses[0][1]


def test_one_message_that_is_too_much_leaves_something_out_and_then_waits() -> None:
    ledger, waits = Ledger(transact=[trouble(TOO_LARGE)] * 4), Waits()
    owner_on(ledger, waits).commit(batch_of([b"v"]), One(gives=2))
    assert ledger.done == ["transact", "rollback"] * 4 + ["transact"]
    assert waits.seconds == [0.4, 0.8]
    assert all(reason.startswith("database: larger than max_binlog_cache_size") for _, reason in waits.pauses)


def test_what_no_other_try_mends_is_rolled_back_and_raised() -> None:
    ledger = Ledger(transact=[trouble(NO_TABLE)])
    with pytest.raises(DatabaseTrouble):
        owner_on(ledger).commit(batch_of([b"v"]), One())
    assert ledger.done == ["transact", "rollback"]


def test_work_that_gave_up_is_rolled_back() -> None:
    ledger = Ledger(transact=[NotWritten("enough")])
    with pytest.raises(NotWritten):
        owner_on(ledger).commit(batch_of([b"v"]), One())
    assert ledger.done == ["transact", "rollback"]


def test_a_commit_without_trouble_waits_for_nothing_and_ends_an_outage_that_there_may_have_been() -> None:
    waits = Waits()
    owner = owner_on(Ledger(), waits)
    owner.commit(batch_of([b"v"]), One())
    assert (waits.pauses, waits.overs) == ([], 2), "the claim and the commit, each once"


def test_a_look_between_two_batches_claims_anew_without_a_pause_where_the_connection_was_lost() -> None:
    ledger, waits = Ledger(read=[trouble(LOST)]), Waits()
    owner = owner_on(ledger, waits)
    owner.check()
    assert (ledger.done, waits.seconds, waits.overs) == (["read", "disconnect", "reclaim"], [], 2)
    assert owner.position == Position(2, 0)


@pytest.mark.parametrize(("found", "error"), [(Position(1, 3), BrokenInvariant), (Position(1, -3), TemporaryError)])
def test_a_look_finds_an_offset_that_nobody_may_have_moved(found: Position, error: type[Exception]) -> None:
    with pytest.raises(error):
        owner_on(Ledger(read=[found])).check()
