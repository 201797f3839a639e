"""The transaction of a batch and the claim before it, on a database in memory whose compare-and-set is real."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from rtpipe.mysql.error_numbers import LOCK_WAIT_TIMEOUT, READ_ONLY
from tests.support.fakes.memory_database import Fault, MemoryServer
from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_spec
from workers import kill_points
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.offset_ledger import OffsetLedger
from workers.commit.work import Transaction
from workers.contract.errors import Fenced, SetupError, TemporaryError, TopicChangedError
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Position
from workers.database.errors import DatabaseTrouble

SPEC = default_spec(
    PartitionKey("orders", 3),
    group="g",
    first_offset=40,
    topic_id="topic-id",
    cluster_id="cluster",
    supervisor="s1",
    last_epoch=-1,
)


def ledger_on(
    server: MemoryServer, spec: PartitionSpec = SPEC, alive: Callable[[], None] = lambda: None
) -> OffsetLedger:
    return OffsetLedger(spec, alive, LedgerConnection(spec, server.open))


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@dataclass
class Inserts:
    """Work that writes rows, and may find that some are refused."""

    values: list[int]
    only_statement: bytes | None = None
    dead: int = 0
    refused_later: int = 0
    ran: list[int] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.values) - self.dead

    def run(self, transaction: Transaction) -> None:
        for value in self.values:
            try:
                self.ran.append(transaction.execute(f"INSERT INTO orders (a, b) VALUES ({value}, {value})".encode()))
            except DatabaseTrouble:
                self.dead += 1

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        raise AssertionError(trouble)


def stored(server: MemoryServer) -> tuple[int, ...]:
    [row] = server.rows("SELECT `offset`, epoch, leader_epoch, rows_total, dead_total FROM kafka_offsets")
    return row


# -- claims ----------------------------------------------------------------------------------------------------------


def test_the_first_claim_makes_the_row_where_the_log_begins(server: MemoryServer) -> None:
    assert ledger_on(server).claim() == Position(1, 40, -1)
    assert stored(server) == (40, 1, -1, 0, 0)
    [row] = server.rows(
        "SELECT topic, `partition`, consumer_group, topic_id, cluster_id, server, connection_id, owner"
        " FROM kafka_offsets"
    )
    assert row[:7] == ("orders", 3, "g", "topic-id", "cluster", "server-a", 1)
    assert row[7].endswith(" of supervisor s1")


def test_the_next_claim_goes_on_where_the_row_is_under_the_next_epoch(server: MemoryServer) -> None:
    ledger_on(server).claim()
    assert ledger_on(server).claim() == Position(2, 40, -1)


def test_a_row_that_was_there_and_is_gone_is_not_made_again(server: MemoryServer) -> None:
    with pytest.raises(SetupError, match="its row in kafka_offsets is gone"):
        ledger_on(server, dataclasses.replace(SPEC, known=True)).claim()
    assert server.rows("SELECT * FROM kafka_offsets") == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"topic_id": "other"}, "topic id changed topic-id -> other"),
        ({"cluster_id": "b"}, "cluster id changed cluster"),
    ],
)
def test_an_offset_of_another_topic_or_cluster_is_not_used(
    server: MemoryServer, changed: dict[str, str], words: str
) -> None:
    ledger_on(server).claim()
    with pytest.raises(TopicChangedError, match=words):
        ledger_on(server, dataclasses.replace(SPEC, **changed)).claim()  # type: ignore[arg-type]
    assert stored(server)[1] == 1


@pytest.mark.parametrize("changed", [{"topic_id": ""}, {"cluster_id": ""}])
def test_an_id_that_nobody_knows_is_no_difference(server: MemoryServer, changed: dict[str, str]) -> None:
    ledger_on(server).claim()
    assert ledger_on(server, dataclasses.replace(SPEC, **changed)).claim().epoch == 2  # type: ignore[arg-type]


def test_a_new_partition_belongs_to_the_topic_of_the_others(server: MemoryServer) -> None:
    ledger_on(server).claim()
    beside = dataclasses.replace(SPEC, key=PartitionKey("orders", 4))
    with pytest.raises(TopicChangedError, match="belong to topic-id"):
        ledger_on(server, dataclasses.replace(beside, topic_id="other")).claim()
    assert ledger_on(server, beside).claim() == Position(1, 40, -1)


def test_a_partition_that_another_supervisor_took_is_not_taken_back(server: MemoryServer) -> None:
    ledger_on(server).claim()
    ledger_on(server, dataclasses.replace(SPEC, supervisor="s2")).claim()
    mine = dataclasses.replace(SPEC, last_epoch=1)
    with pytest.raises(Fenced, match="claimed the partition with epoch 2"):
        ledger_on(server, mine).claim()
    assert ledger_on(server, dataclasses.replace(SPEC, last_epoch=2)).claim().epoch == 3
    ledger_on(server).claim()  # by a worker of the same supervisor
    assert ledger_on(server, dataclasses.replace(SPEC, last_epoch=3)).claim().epoch == 5


def test_a_predecessor_that_holds_the_row_is_killed(server: MemoryServer, caplog: pytest.LogCaptureFixture) -> None:
    ledger_on(server).claim()
    server.faults.append(Fault("FOR UPDATE", LOCK_WAIT_TIMEOUT))
    assert ledger_on(server).claim().epoch == 2
    assert "KILL 1" in server.said
    [record] = [record for record in caplog.records if record.message.startswith("orders/3: connection 1 of ")]
    assert "supervisor s1 holds the offset row" in record.message
    assert (vars(record)["event"], vars(record)["partition"]) == ("predecessor_killed", "orders/3")


def test_a_predecessor_that_is_gone_before_the_kill_is_no_error(server: MemoryServer) -> None:
    ledger_on(server).claim()
    server.faults += [Fault("FOR UPDATE", LOCK_WAIT_TIMEOUT), Fault("KILL 1", 1094)]
    assert ledger_on(server).claim().epoch == 2


def test_a_predecessor_on_another_server_cannot_be_killed_from_here(server: MemoryServer) -> None:
    ledger_on(server).claim()
    server.uuid = "server-b"
    server.faults.append(Fault("FOR UPDATE", LOCK_WAIT_TIMEOUT))
    ledger_on(server).claim()
    assert server.faults[0].times == 0
    assert not [said for said in server.said if said.startswith("KILL")]


def test_a_predecessor_of_another_supervisor_that_took_the_partition_is_not_killed(server: MemoryServer) -> None:
    ledger_on(server, dataclasses.replace(SPEC, supervisor="s2")).claim()
    server.faults.append(Fault("FOR UPDATE", LOCK_WAIT_TIMEOUT))
    with pytest.raises(Fenced, match="of supervisor s2 claimed"):
        ledger_on(server, dataclasses.replace(SPEC, last_epoch=0)).claim()
    assert "KILL 1" not in server.said


def test_a_row_that_is_locked_before_it_is_there_has_nobody_to_kill(server: MemoryServer) -> None:
    server.faults.append(Fault("FOR UPDATE", LOCK_WAIT_TIMEOUT))
    assert ledger_on(server).claim() == Position(1, 40, -1)


@pytest.mark.parametrize("step", ["claim", "reclaim", "read", "kill"])
def test_a_trouble_says_that_it_was_the_table_of_offsets(server: MemoryServer, step: str) -> None:
    ledger = ledger_on(server)
    ledger.claim()
    steps = {"claim": ledger.claim, "reclaim": lambda: ledger.reclaim(1), "read": ledger.read, "kill": ledger.claim}
    if step == "kill":
        server.faults += [Fault("FOR UPDATE", LOCK_WAIT_TIMEOUT), Fault("FROM kafka_offsets", 1142)]
    else:
        server.faults.append(Fault("FOR UPDATE", 1142))
    with pytest.raises(DatabaseTrouble) as found:
        steps[step]()
    assert (found.value.number, found.value.where) == (1142, "table kafka_offsets")


def test_a_row_that_stays_locked_is_left_to_another_start(server: MemoryServer) -> None:
    ledger_on(server).claim()
    server.faults.append(Fault("FOR UPDATE", LOCK_WAIT_TIMEOUT, times=3))
    with pytest.raises(TemporaryError, match="stays locked by another session"):
        ledger_on(server).claim()
    assert stored(server)[1] == 1


def test_another_who_makes_the_first_row_at_the_same_time_is_no_error(server: MemoryServer) -> None:
    server.faults.append(Fault("INSERT INTO kafka_offsets", 1062))
    assert ledger_on(server).claim() == Position(1, 40, -1)


@pytest.mark.parametrize("number", [2013, 1290, 1142])
def test_other_troubles_of_a_claim_are_the_owners(server: MemoryServer, number: int) -> None:
    server.faults.append(Fault("FOR UPDATE", number))
    with pytest.raises(DatabaseTrouble) as found:
        ledger_on(server).claim()
    assert (found.value.number, found.value.where) == (number, "table kafka_offsets")
    assert server.said[-1] == "CLOSE"


def test_a_reclaim_tells_where_the_row_is_under_the_next_epoch(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    position = ledger.claim()
    ledger.disconnect()
    assert ledger.reclaim(position.epoch) == Position(2, 40, -1)
    assert ledger.transact(Position(2, 40), batch_of([b""], [40]), Inserts([1]))
    assert ledger.read() == Position(2, 41, 0), "the leader epoch of the newest message is kept"
    assert ledger.reclaim(2) == Position(3, 41, 0)
    assert ledger_on(server).claim() == Position(4, 41, 0)
    assert ledger.reclaim(position.epoch) is None, "somebody else has it by now"


def test_a_reclaim_whose_commit_may_be_lost_starts_the_worker_again(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    ledger.claim()
    server.faults.append(Fault("COMMIT", 2013, after=True))
    with pytest.raises(TemporaryError, match="connection lost while re-claiming"):
        ledger.reclaim(1)


# -- transactions ----------------------------------------------------------------------------------------------------


def test_rows_offset_and_totals_are_one_transaction(server: MemoryServer) -> None:
    alive: list[int] = []
    ledger = ledger_on(server, alive=lambda: alive.append(1))
    position = ledger.claim()
    work = Inserts([1, 2])
    assert ledger.transact(position, batch_of([b"", b""], [40, 41]), work)
    assert stored(server) == (42, 1, 0, 2, 0)
    assert server.rows("SELECT a FROM orders") == [(1,), (2,)]
    assert (work.ran, len(alive)) == ([1, 1], 2)
    sent = [said.split()[0] for said in server.said[-4:]]
    assert sent == ["UPDATE", "INSERT", "INSERT", "COMMIT"], "the compare-and-set comes first"


def test_a_transaction_passes_each_kill_point_in_its_order(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[str] = []
    monkeypatch.setattr(kill_points, "reach", passed.append)
    ledger = ledger_on(server)
    assert ledger.transact(ledger.claim(), batch_of([b""], [40]), Inserts([1]))
    assert [spot.removeprefix("writer:") for spot in passed] == [
        "begin",
        "cas_done",
        "mid_insert",
        "before_commit",
        "after_commit",
    ]


@pytest.mark.parametrize("refused", [True, False])
def test_totals_are_looked_at_again_after_a_refusal_and_where_the_work_was_less(
    server: MemoryServer, refused: bool
) -> None:
    """After a refusal even where they are right: the server may have rolled back all with what it refused."""

    class Other(Inserts):
        def run(self, transaction: Transaction) -> None:
            super().run(transaction)
            self.dead = 0 if refused else 1

    ledger = ledger_on(server)
    position = ledger.claim()
    assert ledger.transact(position, batch_of([b""], [40]), Other([100 if refused else 1]))
    assert len([said for said in server.said if said.startswith("UPDATE kafka_offsets")]) == 3, "the claim's is one"
    assert stored(server)[3:] == ((1, 0) if refused else (0, 1))


def test_a_trouble_with_the_totals_says_that_it_was_the_table_of_offsets(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    position = ledger.claim()
    server.before = lambda said: server.faults.append(Fault("UPDATE kafka_offsets", 1142)) if "100" in said else None
    with pytest.raises(DatabaseTrouble) as found:
        ledger.transact(position, batch_of([b""], [40]), Inserts([100]))
    assert (found.value.number, found.value.where) == (1142, "table kafka_offsets")


def test_a_ledger_opens_the_connection_of_its_partition() -> None:
    assert OffsetLedger(SPEC).connection._spec is SPEC


@pytest.mark.parametrize("position", [Position(1, 41), Position(2, 40), Position(0, 40)])
def test_a_row_that_is_not_where_the_writer_thinks_is_left_alone(server: MemoryServer, position: Position) -> None:
    ledger = ledger_on(server)
    ledger.claim()
    assert not ledger.transact(position, batch_of([b""], [position.offset]), Inserts([1]))
    assert stored(server) == (40, 1, -1, 0, 0)
    assert server.rows("SELECT a FROM orders") == []
    assert server.said[-1] == "ROLLBACK"


def test_rows_that_the_server_refuses_correct_the_totals_in_the_same_transaction(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    position = ledger.claim()
    assert ledger.transact(position, batch_of([b""] * 3, [40, 41, 42]), Inserts([1, 100, 3]))
    assert stored(server) == (43, 1, 0, 2, 1)
    assert server.rows("SELECT a FROM orders") == [(1,), (3,)]


def test_a_server_that_rolled_back_all_with_the_row_that_it_refused_is_found_out(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    position = ledger.claim()

    def roll_back(statement: str) -> None:
        if "(100, 100)" in statement:
            server.rows("SELECT 1")
            ledger.connection.session.connection._connection.rollback()  # type: ignore[attr-defined]

    server.before = roll_back
    with pytest.raises(DatabaseTrouble) as found:
        ledger.transact(position, batch_of([b""] * 2, [40, 41]), Inserts([1, 100]))
    assert found.value.number == 1402
    assert stored(server) == (40, 1, -1, 0, 0)


@pytest.mark.parametrize("after", [False, True])
def test_a_commit_without_a_reply_says_that_its_outcome_is_unknown(server: MemoryServer, after: bool) -> None:
    ledger = ledger_on(server)
    position = ledger.claim()
    server.faults.append(Fault("COMMIT", 2013, after=after))
    with pytest.raises(DatabaseTrouble) as found:
        ledger.transact(position, batch_of([b""], [40]), Inserts([1]))
    assert found.value.at_commit
    ledger.disconnect()
    assert stored(server)[0] == (41 if after else 40)


def test_a_connection_that_is_closed_under_a_transaction_never_makes_an_empty_commit(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    position = ledger.claim()

    class Closing(Inserts):
        def run(self, transaction: Transaction) -> None:
            super().run(transaction)
            ledger.disconnect()

    with pytest.raises(DatabaseTrouble) as found:
        ledger.transact(position, batch_of([b""], [40]), Closing([1]))
    assert (found.value.at_commit, server.opened) == (True, 1)
    assert (stored(server)[0], server.rows("SELECT a FROM orders")) == (40, [])


def test_a_statement_that_fails_is_not_a_lost_commit(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    position = ledger.claim()
    server.faults.append(Fault("UPDATE kafka_offsets", 1213))
    with pytest.raises(DatabaseTrouble) as found:
        ledger.transact(position, batch_of([b""], [40]), Inserts([1]))
    assert (found.value.at_commit, found.value.where) == (False, "table kafka_offsets")
    ledger.rollback()
    assert ledger.transact(position, batch_of([b""], [40]), Inserts([1]))


# -- looks at the tables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["orders", "kafka_offsets", "rtpipe_dead_letters"])
def test_a_table_without_transactions_is_seen_before_the_first_batch(server: MemoryServer, table: str) -> None:
    server.not_innodb.add(table)
    with pytest.raises(SetupError, match=table):
        ledger_on(server).claim()
    assert server.said[-1] == "CLOSE"


@pytest.mark.parametrize("table", ["orders", "kafka_offsets", "rtpipe_dead_letters"])
def test_a_table_that_lost_its_transactions_is_seen_at_the_next_look(server: MemoryServer, table: str) -> None:
    ledger = ledger_on(server)
    ledger.claim()
    assert ledger.read() == Position(1, 40, -1)
    server.not_innodb.add(table)
    with pytest.raises(SetupError, match=table):
        ledger.read()


def test_a_server_that_takes_no_writes_any_more_is_seen_at_the_next_look(server: MemoryServer) -> None:
    """A writer at rest sends it nothing that it would refuse, and would stay there for good."""
    ledger = ledger_on(server)
    ledger.claim()
    server.read_only = True
    for look in (ledger.read, ledger.glance):
        with pytest.raises(DatabaseTrouble) as found:
            look()
        assert found.value.number == READ_ONLY


def test_a_writer_at_rest_asks_for_its_row_alone(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    ledger.claim()
    server.said.clear()
    assert ledger.glance() == Position(1, 40, -1)
    assert [said.split()[0] for said in server.said] == ["SELECT", "ROLLBACK"]
    assert "FOR UPDATE" not in server.said[0], "it waits for nobody"
    server.sql("UPDATE kafka_offsets SET epoch = 7")
    assert ledger.glance() == Position(7, 40, -1)
    server.sql("DELETE FROM kafka_offsets")
    assert ledger.glance() is None


def test_a_look_tells_new_columns_and_a_table_for_dead_letters_that_came_or_went(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    ledger.claim()
    assert (ledger.connection.columns_mark, ledger.connection.has_dead_letters) == ("columns", True)
    assert ledger.connection.max_packet == 1 << 16
    server.mark, server.has_dead_letters = "others", False
    server.not_innodb.add("rtpipe_dead_letters")  # which is not there: nobody asks
    ledger.read()
    assert (ledger.connection.columns_mark, ledger.connection.has_dead_letters) == ("others", False)


def test_keys_of_upserts_are_looked_at(server: MemoryServer) -> None:
    rules = dataclasses.replace(SPEC.rules, mode="upsert", key=("a",))
    ledger_on(server, dataclasses.replace(SPEC, rules=rules)).claim()
    assert "require_key orders ('a',)" in server.said
    server.said.clear()
    ledger_on(server).claim()
    assert not [said for said in server.said if said.startswith("require_key")]


def test_a_read_of_a_row_that_is_gone(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    ledger.claim()
    ledger.connection.session.connection.exec_driver_sql("DELETE FROM kafka_offsets")
    ledger.connection.session.connection.commit()
    assert ledger.read() is None
    assert server.said[-1] == "ROLLBACK"


def test_a_connection_is_opened_when_it_is_needed_and_closed_once(server: MemoryServer) -> None:
    ledger = ledger_on(server)
    ledger.disconnect()
    assert server.opened == 0
    ledger.claim()
    ledger.read()
    assert server.opened == 1
    ledger.disconnect()
    ledger.disconnect()
    assert server.said.count("CLOSE") == 1
