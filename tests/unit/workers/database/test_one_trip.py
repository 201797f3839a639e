"""Offset, rows and COMMIT in one round trip; the server is a thread that says what a test wants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from rtpipe.mysql.engine import bare_connection
from rtpipe.mysql.error_numbers import CONNECTION_LOST
from tests.support.fakes.memory_database import MemoryOneTrip, MemoryServer, MemorySession
from tests.support.fakes.writer_rig import Patience
from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_spec
from tests.support.servers.packet_server import PacketLink, PacketServer
from workers import kill_points
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.offset_ledger import OffsetLedger
from workers.commit.partition_owner import PartitionOwner
from workers.commit.work import Transaction
from workers.contract.partition_spec import PartitionKey
from workers.database.errors import DatabaseTrouble
from workers.database.one_trip import OneTrip


class Server:
    """A server that says rows, an error, or nothing to each statement; and ROLLBACK is always done."""

    def __init__(self) -> None:
        self.says: list[int | None] = []
        self.marked: str = "1"
        self.server = PacketServer(self._answer)
        self.trip = OneTrip(lambda: self.driver)
        self.driver = bare_connection(make_url(self.server.url), client_flag=1 << 16, read_timeout=10)
        self.server.statements.clear()

    def _answer(self, link: PacketLink, statement: str) -> None:
        if statement == "ROLLBACK":
            return link.ok()
        if statement.startswith("SELECT"):
            return link.rows(self.marked)
        for at, says in enumerate(self.says):
            if says is None:
                link.socket.close()
                return None
            if says >= 1_000:
                return link.error(says)
            link.ok(says, more=at + 1 < len(self.says))
        return None


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.server.close()


def test_all_goes_as_one_text_that_ends_with_commit(server: Server) -> None:
    server.says = [1, 0, 5, 0]
    assert server.trip.commit(b"UPDATE", b"INSERT")
    assert server.server.statements == ["UPDATE;SET @rtpipe = EXP(IF(ROW_COUNT() = 1, 0, 999));INSERT;COMMIT"]


@pytest.mark.parametrize("says", [[1213], [0, 1690], [1, 0, 1062], [1, 0, 1290], [1, 0], []])
def test_what_ends_before_the_commit_is_rolled_back(server: Server, says: list[int | None]) -> None:
    server.says = says or [0]
    assert not server.trip.commit(b"UPDATE", b"INSERT")
    assert server.server.statements[1:] == ["ROLLBACK"]
    server.says = [1, 0, 5, 0]
    assert server.trip.commit(b"UPDATE", b"INSERT"), "the connection is as good as before"


@pytest.mark.parametrize("says", [[None], [1, None], [1, 0, None], [1, 0, 5, None], [1, 0, 5, 1180], [1, 0, 1053]])
def test_where_the_outcome_of_the_commit_is_not_known_the_row_must_tell(server: Server, says: list[int | None]) -> None:
    server.says = says
    with pytest.raises(DatabaseTrouble) as found:
        server.trip.commit(b"UPDATE", b"INSERT")
    assert found.value.at_commit
    assert len(server.server.statements) == 1


def test_a_connection_that_is_lost_at_the_rollback_has_committed_nothing(server: Server) -> None:
    server.says = [1, 0, 1062]
    server.driver.rollback = server.driver.close  # type: ignore[method-assign]
    assert not server.trip.commit(b"UPDATE", b"INSERT")
    with pytest.raises(DatabaseTrouble) as found:
        server.trip.commit(b"UPDATE", b"INSERT")
    assert found.value.number == 0


@pytest.mark.parametrize(
    ("says", "marked", "expected"),
    [
        ([0, 1690], "1", True),
        ([0, 0, 0], "2", False),  # errors end nothing
        ([0, 1690], "2", False),  # what follows an error is run, too
        ([0], "1", False),  # the rest is ignored
        ([1064], "", False),  # no texts of several statements
        ([8130], "", False),
    ],
)
def test_it_is_safe_only_where_a_text_ends_at_an_error(
    server: Server, says: list[int | None], marked: str, expected: bool
) -> None:
    server.says, server.marked = says, marked
    assert server.trip.is_safe() is expected


def test_a_connection_that_is_lost_meanwhile_says_nothing_of_the_server(server: Server) -> None:
    server.says = [None]
    with pytest.raises(DatabaseTrouble) as found:
        server.trip.is_safe()
    assert not found.value.at_commit


def test_what_cuts_each_connection_that_tries_it_is_tried_by_no_third(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryServer()

    def lost(_: MemoryOneTrip) -> bool:
        raise DatabaseTrouble(CONNECTION_LOST)

    monkeypatch.setattr(MemoryOneTrip, "is_safe", lost)
    connection = LedgerConnection(default_spec(PartitionKey("orders", 0)), memory.open)
    for _ in range(2):
        with pytest.raises(DatabaseTrouble):
            _ = connection.session
    assert connection.session
    assert connection.one_trip is None


def test_with_a_kill_point_armed_statements_go_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_points, "_armed", "writer:cas_done")
    assert kill_points.armed()
    monkeypatch.setattr(kill_points, "_armed", "")
    assert not kill_points.armed()


class OneInsert:
    """Work that is one statement."""

    rows, dead = 1, 0

    def __init__(self, text: str = "x") -> None:
        self.only_statement = f"INSERT INTO orders (a, b) VALUES ('{text}', 1)".encode()

    def run(self, transaction: Transaction) -> None:
        transaction.execute(self.only_statement)

    def give_up(self, _: DatabaseTrouble) -> bool:
        return False


def owner_on(memory: MemoryServer) -> PartitionOwner:
    spec = default_spec(PartitionKey("orders", 0))
    owner = PartitionOwner(spec.key, OffsetLedger(spec, connection=LedgerConnection(spec, memory.open)), Patience())
    owner.claim()
    return owner


def test_what_cuts_each_connection_for_such_a_text_stops_no_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, tried = MemoryServer(), []

    def lost(_: MemoryOneTrip, update: bytes, *__: object, **___: object) -> bool:
        tried.append(update)
        trouble = DatabaseTrouble(CONNECTION_LOST)
        trouble.at_commit = True
        raise trouble

    monkeypatch.setattr(MemoryOneTrip, "commit", lost)
    owner = owner_on(memory)
    owner.commit(batch_of([b"a"]), OneInsert())
    assert len(tried) == 1
    assert memory.rows("SELECT a FROM orders") == [("x",)]


def test_a_statement_that_nearly_fills_a_packet_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryServer()
    monkeypatch.setattr(MemoryOneTrip, "commit", lambda *_, **__: pytest.fail("it would be too long with the others"))
    owner_on(memory).commit(batch_of([b"a"]), OneInsert("x" * (MemorySession.max_packet - 100)))
    assert memory.rows("SELECT COUNT(*) FROM orders") == [(1,)]
