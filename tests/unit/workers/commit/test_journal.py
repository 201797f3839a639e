"""The journal of a partition: a row for each transaction of a batch, in it, whatever way the batch took."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from avro_schemas.tables.rules import TableRules
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError
from tests.support.fakes.memory_database import Fault, MemoryOneTrip
from tests.support.fakes.writer_rig import Rig, spec_with
from tests.support.samples.batches import batch_of
from tests.support.samples.small_orders import order
from workers.contract.errors import SetupError

OF_JOURNAL = "INSERT INTO rtpipe_journal"
KEYED = TableRules(mode="upsert", key=("a",), metadata=(), tombstones="delete")


def journaling(**changes: Any) -> Rig:
    return Rig(spec_with(journal=True, **changes))


def one_statement(rig: Rig) -> None:
    rig.write(order(1), order(2))


def two_statements(rig: Rig) -> None:
    rig.write(order(1), order(2, schema_id=2))


def dead_letters_alone(rig: Rig) -> None:
    rig.write(b"no Avro", b"no Avro")


def a_row_that_the_server_refuses(rig: Rig) -> None:
    rig.write(order(1), order(2, 100))


def rows_of_which_each_is_tried_alone(rig: Rig) -> None:
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1366, times=2))
    rig.write(order(1), order(2, 100))


def no_messages(rig: Rig) -> None:
    """Of transaction markers alone."""
    for _ in rig.writer.write(dataclasses.replace(batch_of([]), next_offset=2)):
        pass


WAYS: dict[Callable[[Rig], None], list[tuple[Any, ...]]] = {
    one_statement: [("batch", 0, 2, 2, 2, 0)],
    two_statements: [("batch", 0, 2, 2, 2, 0)],
    dead_letters_alone: [("batch", 0, 2, 2, 0, 2)],
    a_row_that_the_server_refuses: [("batch", 0, 2, 2, 1, 1)],
    rows_of_which_each_is_tried_alone: [("batch", 0, 2, 2, 1, 1)],
    no_messages: [("batch", 0, 2, 0, 0, 0)],
}
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@each_way
def test_each_batch_is_a_row_of_what_was_committed(way: Callable[[Rig], None]) -> None:
    rig = journaling()
    way(rig)
    rig.write(order(7))
    assert rig.journal() == [*WAYS[way], ("batch", 2, 3, 1, 1, 0)]
    assert len(rig.table()) == sum(row[4] for row in rig.journal())


@each_way
def test_without_a_journal_nobody_speaks_of_it(way: Callable[[Rig], None]) -> None:
    rig = Rig()
    way(rig)
    assert not [said for said in rig.server.said if "rtpipe_journal" in said]
    assert rig.server.rows("SELECT * FROM rtpipe_journal") == []


def test_the_row_says_whose_it_is_and_when() -> None:
    rig = journaling(supervisor="s1")
    rig.write(order(1))
    found = rig.server.rows("SELECT topic, `partition`, consumer_group, epoch, owner, written_at FROM rtpipe_journal")
    owner = f"{socket.gethostname()}:{os.getpid()} of supervisor s1"
    assert found == [("orders", 0, "group-orders", 1, owner, "2026-01-31 12:00:00.000000")]
    assert rig.server.rows("SELECT owner FROM kafka_offsets") == [(owner,)]


def test_a_small_batch_stays_one_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[list[bytes]] = []
    commit = MemoryOneTrip.commit

    def noted(self: MemoryOneTrip, *statements: bytes, **more: Any) -> bool:
        trips.append([statement.split(b" (")[0].split(b" SET")[0] for statement in statements])
        return commit(self, *statements, **more)

    monkeypatch.setattr(MemoryOneTrip, "commit", noted)
    rig = journaling()
    rig.write(order(1))
    assert trips == [[b"UPDATE kafka_offsets", b"INSERT INTO `orders`", OF_JOURNAL.encode()]]


def test_a_batch_that_goes_in_two_transactions_is_two_rows() -> None:
    rig = journaling()
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1153, times=2))  # at once, then one by one
    rig.write(order(1), order(2), order(3))
    assert rig.journal() == [("batch", 0, 2, 2, 2, 0), ("batch", 2, 3, 1, 1, 0)]


def test_tombstones_that_are_ignored_are_the_messages_that_are_neither_rows_nor_dead_letters() -> None:
    rig = journaling(rules=TableRules(metadata=(), tombstones="ignore"))
    rig.write(order(1), None, b"no Avro")
    assert rig.journal() == [("batch", 0, 3, 3, 1, 1)]


def test_a_key_that_changes_twice_took_effect_twice() -> None:
    rig = journaling(rules=KEYED)
    rig.write(order(1, 5), order(1, 6), None, keys=[b"1", b"1", b"2"])
    assert rig.journal() == [("batch", 0, 3, 3, 3, 0)]
    assert rig.table() == [(1, 6)]


def test_a_message_that_a_person_steps_over_is_a_row_of_its_own() -> None:
    rig = journaling(dead_letters=False, step_over=0)
    rig.write(b"no Avro", order(2))
    assert rig.journal() == [("batch", 0, 1, 1, 0, 1), ("batch", 1, 2, 1, 1, 0)]


@each_way
@pytest.mark.parametrize("after", [False, True], ids=["rolled back", "committed"])
def test_a_commit_without_a_reply_leaves_one_row(way: Callable[[Rig], None], after: bool) -> None:
    rig = journaling()
    rig.server.faults.append(Fault("COMMIT", 2013, after=after))
    way(rig)
    assert rig.journal() == WAYS[way]


@each_way
@pytest.mark.parametrize("number", [1205, 1213, 1020, 2013, 1927, 1114, 1290, 1021, 59_999])
@pytest.mark.parametrize("after", [False, True], ids=["instead", "after"])
@pytest.mark.parametrize("times", [1, 9])
def test_what_may_pass_is_waited_for_and_no_message_is_to_blame(
    way: Callable[[Rig], None], number: int, after: bool, times: int
) -> None:
    """One that lasts may be of a batch that is too large: then its messages go in several transactions."""
    rig = journaling()
    rig.server.faults.append(Fault(OF_JOURNAL, number, after=after, times=times))
    way(rig)
    [(_, _, end, messages, rows, dead)] = WAYS[way]
    found = rig.journal()
    assert found == WAYS[way] or times > 1
    assert (found[-1][2], sum(row[3] for row in found)) == (end, messages)
    assert (len(rig.table()), len(rig.letters())) == (rows, dead)


@each_way
@pytest.mark.parametrize("number", [1142, 1146, 1054, 1062, 1644, 4025])
def test_what_a_person_must_mend_stops_the_partition_with_nothing_written(
    way: Callable[[Rig], None], number: int
) -> None:
    rig = journaling()
    rig.server.faults.append(Fault(OF_JOURNAL, number, times=99))
    with pytest.raises(RtpipeError, match="table rtpipe_journal") as found:
        way(rig)
    assert isinstance(found.value, AccessDeniedError if number == 1142 else SetupError)
    assert rig.stored() == (0, 0, 0)
    assert (rig.table(), rig.letters(), rig.server.rows("SELECT * FROM rtpipe_journal")) == ([], [], [])
    rig.server.faults.clear()
    rig.owner.claim()
    way(rig)
    assert rig.journal() == WAYS[way]


def test_a_transaction_that_is_too_large_with_its_journal_goes_in_two() -> None:
    rig = journaling()
    rig.server.faults.append(Fault(OF_JOURNAL, 1197, times=2))
    rig.write(order(1), order(2))
    assert rig.journal() == [("batch", 0, 1, 1, 1, 0), ("batch", 1, 2, 1, 1, 0)]


# -- looks at the table ----------------------------------------------------------------------------------------------


def test_the_table_is_looked_at_before_the_first_batch_and_on_each_connection() -> None:
    rig = journaling()
    said = rig.server.said
    assert said.index("require_takes_rows rtpipe_journal") < next(at for at, one in enumerate(said) if "UPDATE" in one)
    rig.server.faults.append(Fault("INSERT INTO `orders`", 2013))
    rig.write(order(1))
    assert said.count("require_takes_rows rtpipe_journal") == rig.server.opened == 2


@pytest.mark.parametrize("journal", [True, False])
def test_a_journal_without_transactions_is_refused_where_there_is_to_be_one(journal: bool) -> None:
    rig = Rig(spec_with(journal=journal))
    rig.server.not_innodb.add("rtpipe_journal")
    if journal:
        with pytest.raises(SetupError, match="rtpipe_journal"):
            rig.owner.check()
    else:
        rig.owner.check()
