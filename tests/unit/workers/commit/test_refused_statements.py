"""Every error that a server may answer with, at each statement of a batch: rows, letters, waits or a halt with a name.

A server in memory refuses; all above the ledger is the writer's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pymysql
import pytest

from rtpipe.errors import RtpipeError
from rtpipe.mysql.error_lookup import action_of, is_known
from rtpipe.mysql.error_numbers import ROLLED_BACK, Action
from tests.support.fakes.transactions import FakeTransaction
from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_spec
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.row_statements import Rows
from workers.commit.partition_owner import PartitionOwner
from workers.commit.table_writer import TableWriter
from workers.commit.work import Work
from workers.commit.writing.row_trial import ALIKE
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble, trouble_of

SPEC = default_spec(PartitionKey("orders", 0), dead_letters_per_minute=100)
#: In each of which the others are good.
POISON = 2
STATES = ["HY000", "42000", "08S01", "40001", "45000", "22012", "28000", "99ZZZ"]
#: Each that is listed, and of all others some with every SQLSTATE: what is not listed is told by that alone.
NUMBERS = [
    number
    for number in (*range(1000, 5001), *range(9000, 9011), 1, 5_001, 31_001, 65_535)
    if is_known(number) or number % 37 == 0 or number > 5_000
]


class StillWaiting(Exception):  # noqa: N818
    """A pause too many."""


@dataclass
class Patience:
    """An outage that lasts."""

    pauses: int = 40
    reasons: list[str] = field(default_factory=list)

    def pause(self, reason: str, seconds: float) -> None:
        assert seconds <= 75
        self.reasons.append(reason)
        if len(self.reasons) > self.pauses:
            raise StillWaiting(reason)

    def over(self) -> None:
        """It was none."""


@dataclass
class Server:
    """A ledger with what it holds. `refuses` gives an error for a statement and the offsets in it, or None."""

    refuses: Callable[[str, list[int]], Exception | None]
    rolls_back: bool = False  #: with each refusal, all that came before it
    position: Position = field(default_factory=lambda: Position(1, 0))
    rows: list[int] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)
    statements: int = 0
    columns_mark: str = "as they were"
    max_packet: int = 1 << 20
    has_dead_letters: bool = True
    takes_load: bool = False
    counted: list[tuple[int, int]] = field(default_factory=list)  #: rows and dead letters, by each transaction
    reported: list[tuple[int, int, int]] = field(default_factory=list)  #: the same by the writer, with the next offset

    def _ask(self, what: str, offsets: list[int]) -> None:
        self.statements += 1
        if error := self.refuses(what, offsets):
            raise trouble_of(error)

    def claim(self) -> Position:
        return self.position

    def reclaim(self, epoch: int) -> Position:
        self.position = Position(epoch + 1, self.position.offset)
        return self.position

    def transact(self, position: Position, batch: Batch, work: Work) -> bool:
        assert (position, position.offset) == (self.position, batch.first)
        rows: list[int] = []
        letters: list[int] = []
        alive = [True]
        refused = []
        counted = work.rows, work.dead

        def execute(statement: bytes) -> int:
            letter = b"rtpipe_dead_letters" in statement
            found = rb"'orders',0,(\d+)," if letter else rb"\((\d+)\)"
            offsets = [int(number) for number in re.findall(found, statement)]
            try:
                self._ask("letters" if letter else "rows", offsets)
            except DatabaseTrouble:
                refused.append(offsets)
                if self.rolls_back:
                    rows.clear()
                    letters.clear()
                    alive[0] = False
                raise
            (letters if letter else rows).extend(offsets)
            return len(offsets)

        self._ask("offset", [])
        work.run(FakeTransaction(execute))
        if not alive[0]:
            assert refused
            raise DatabaseTrouble(ROLLED_BACK)
        assert refused or counted == (work.rows, work.dead)
        try:
            self._ask("commit", list(batch.offsets))
        except DatabaseTrouble as trouble:
            trouble.at_commit = True
            raise
        self.position = Position(position.epoch, batch.next_offset)
        self.rows += rows
        self.letters += letters
        self.counted.append((work.rows, work.dead))
        return True

    def rollback(self) -> None:
        """Nothing is kept of a transaction but what `transact` kept."""

    disconnect = rollback

    def read(self) -> Position:
        return self.position

    glance = read


class Encoder:
    """Rows that are their offsets."""

    forgot = 0

    def encode(self, batch: Batch, _max_packet: int, *, load: bool) -> EncodedBatch:
        assert not load
        rows = Rows(
            "INSERT INTO `orders` (`a`) VALUES ", list(map(str, batch.offsets)), list(range(len(batch.offsets)))
        )
        return EncodedBatch(SPEC, batch, [rows])

    def committed(self, _encoded: EncodedBatch, _deleted_rows: int) -> None:
        """Keys are of no interest."""

    def forget(self) -> None:
        self.forgot += 1


def writer_on(server: Server, owner: PartitionOwner, encoder: Encoder) -> TableWriter:
    any_encoder: Any = encoder
    return TableWriter(SPEC, owner, server, any_encoder)


def written(server: Server, *batches: int, pauses: int = 40) -> str:
    """What became of batches of so many messages: "" or the name and words of the end, or why it still waits."""
    owner = PartitionOwner(SPEC.key, server, Patience(pauses))
    owner.claim()
    writer = writer_on(server, owner, Encoder())
    first = 0
    try:
        for count in batches:
            for done in writer.write(batch_of([b"v"] * count, range(first, first + count))):
                server.reported.append((done.rows, done.dead.total(), done.next_offset))
            first += count
    except RtpipeError as error:
        return f"{error.name} {error.message}"
    except StillWaiting as waiting:
        return f"waiting {waiting}"
    finally:
        assert [done[:2] for done in server.reported] == server.counted, "status counts what kafka_offsets counts"
        assert sum(map(sum, server.counted)) == server.position.offset
    assert sorted(server.rows + server.letters) == list(range(first))
    return ""


def error(number: int, sqlstate: str = "HY000", said: str = "no") -> Exception:
    return pymysql.err.OperationalError(number, said, sqlstate=sqlstate)


def of_row(number: int, sqlstate: str, *bad: int) -> Callable[[str, list[int]], Exception | None]:
    return lambda what, offsets: error(number, sqlstate) if what == "rows" and set(bad) & set(offsets) else None


def always(kind: str, number: int, sqlstate: str) -> Callable[[str, list[int]], Exception | None]:
    return lambda what, _: error(number, sqlstate) if what == kind else None


def state_of(number: int) -> str:
    return STATES[number % len(STATES)]


def waited_for(number: int, sqlstate: str) -> bool:
    return action_of(number, sqlstate) in {Action.REPLAY, Action.LOST, Action.WAIT, Action.LOGIN}


@pytest.mark.parametrize("rolls_back", [False, True], ids=["undoes the statement", "undoes the transaction"])
def test_an_error_that_goes_away_without_a_row_is_that_rows(rolls_back: bool) -> None:
    for number in NUMBERS:
        server = Server(of_row(number, state_of(number), POISON), rolls_back=rolls_back)
        end = written(server, 5, 3)
        if number == 1054:  # the statement's own columns: asked about anew first
            assert server.letters == [POISON]
        elif waited_for(number, state_of(number)):
            assert end.startswith("waiting ")
            assert f"(MySQL {number})" in end
            assert (server.rows, server.letters) == ([0, 1], []), "the good ones before it are in"
        else:
            assert end == "", number
            assert (sorted(server.rows), server.letters) == ([0, 1, 3, 4, 5, 6, 7], [POISON]), number


@pytest.mark.parametrize("count", [1, 3, 200])
def test_an_error_of_every_row_alike_is_the_tables(count: int) -> None:
    for number in NUMBERS:
        sqlstate = state_of(number)
        server = Server(always("rows", number, sqlstate))
        end = written(server, count, pauses=60)
        action = action_of(number, sqlstate)
        assert server.statements < 60 * 50, "a try finds that out by a few rows"
        if action in {Action.SETUP, Action.DENIED}:
            assert end.startswith("E_AUTH" if action is Action.DENIED else "E_CONFIG"), number
            assert "table orders" in end
            assert f"(MySQL {number})" in end
        elif action is Action.UNKNOWN and count >= ALIKE:
            assert end.startswith("waiting database: table orders: "), number
        if action in {Action.SETUP, Action.DENIED} or (action is Action.UNKNOWN and count >= ALIKE):
            assert (server.rows, server.letters, server.position.offset) == ([], [], 0), number


@pytest.mark.parametrize("number", [one for one in NUMBERS if one not in {*range(2000, 3000), *range(9000, 9011)}])
def test_what_a_trigger_signals_is_of_its_row_whatever_its_number(number: int) -> None:
    """No server uses SQLSTATE 45… itself, so a number that else is waited for is none of an outage."""
    server = Server(of_row(number, "45000", POISON))
    assert written(server, 5) == ""
    assert sorted(server.letters) == [POISON]
    assert f"refused by a trigger (MySQL {number}): no" in str(trouble_of(error(number, "45000")))


@pytest.mark.parametrize("number", [2013, 9001])
def test_what_clients_and_proxies_say_is_of_no_row_whatever_its_sqlstate(number: int) -> None:
    server = Server(of_row(number, "45000", POISON))
    assert written(server, 5).startswith("waiting database: ")
    assert not server.letters


def test_single_messages_that_are_all_refused_do_not_fill_the_dead_letters() -> None:
    server = Server(always("rows", 31_001, "HY000"))
    assert written(server, *[1] * 100).startswith("waiting database: table orders: refused by the server (MySQL 31001)")
    assert len(server.letters) < ALIKE


def test_no_answer_is_taken_for_a_bug() -> None:
    for number in range(10_000):
        assert DatabaseTrouble(number, sqlstate=state_of(number)).as_error("t/0").name in {"E_CONFIG", "E_AUTH"}


def test_many_bad_rows_among_good_ones_are_dead_letters() -> None:
    bad = [*range(20), *range(40, 90)]
    server = Server(of_row(31_001, "HY000", *bad))
    assert written(server, 100) == ""
    assert sorted(server.letters) == bad


@pytest.mark.parametrize("kind", ["offset", "letters", "commit"])
def test_an_error_at_another_statement_is_waited_for_or_halts(kind: str) -> None:
    for number in NUMBERS:
        sqlstate = state_of(number)
        refuses = always(kind, number, sqlstate)

        def both(what: str, offsets: list[int], refuses: Any = refuses) -> Exception | None:
            return refuses(what, offsets) or of_row(1406, "22001", POISON)(what, offsets)

        server = Server(both)
        end = written(server, 5)
        assert f"(MySQL {number})" in end, number
        lasting = action_of(number, sqlstate) in {Action.SETUP, Action.DENIED, Action.DATA}
        assert end.startswith("E_" if lasting and kind != "commit" else "waiting "), number
        assert not server.letters


@pytest.mark.parametrize("kind", ["rows", "commit"])
@pytest.mark.parametrize(("number", "sqlstate"), [(1197, "HY000"), (1969, "70100"), (1206, "HY000"), (3100, "HY000")])
def test_an_error_of_the_batchs_size_splits_it(kind: str, number: int, sqlstate: str) -> None:
    def refuses(what: str, offsets: list[int]) -> Exception | None:
        return error(number, sqlstate) if what == kind and len(offsets) > 10 else None

    server = Server(refuses)
    assert written(server, 100, 100) == ""
    assert (server.rows, server.letters) == (list(range(200)), [])


def test_a_single_message_that_is_too_much_leaves_its_bytes_out() -> None:
    contents = []

    def refuses(what: str, offsets: list[int]) -> Exception | None:
        contents.append((what, offsets))
        return error(1197) if what in {"rows", "letters"} and POISON in offsets and len(contents) < 12 else None

    server = Server(refuses)
    assert written(server, 4) == ""
    assert sorted(server.rows + server.letters) == [0, 1, 2, 3]


def test_an_error_that_passes_leaves_no_letter() -> None:
    for number in NUMBERS:
        left = [2]

        def refuses(what: str, offsets: list[int], number: int = number, left: list[int] = left) -> Exception | None:
            left[0] -= what == "rows"
            return error(number, state_of(number)) if what == "rows" and left[0] >= 0 else None

        server = Server(refuses, rolls_back=True)
        if written(server, 8) == "" and action_of(number, state_of(number)) is not Action.DATA:
            assert (sorted(server.rows), server.letters) == (list(range(8)), []), number


def test_columns_that_somebody_alters_are_asked_about_before_the_next_row() -> None:
    server = Server(lambda _what, _offsets: None)
    owner = PartitionOwner(SPEC.key, server, Patience(1))
    owner.claim()
    encoder = Encoder()
    writer = writer_on(server, owner, encoder)
    forgot = []
    for first, columns in enumerate(["as they were", "as they were", "narrower", "narrower"]):
        server.columns_mark = columns
        assert [done.messages for done in writer.write(batch_of([b"v"], range(first, first + 1)))] == [1]
        forgot.append(encoder.forgot)
    assert forgot == [0, 0, 1, 1]
