"""Batches through the writer's own encoder, work, owner and ledger, on a database in memory."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from avro_schemas.tables.rules import TableRules
from tests.support.fakes.memory_database import Fault
from tests.support.fakes.writer_rig import Rig, spec_with
from tests.support.samples.batches import batch_of
from tests.support.samples.small_orders import order
from workers.contract.errors import DataError, DeadLetterLimitError, SetupError
from workers.rows.schema_source import SchemaHaltError


def test_a_batch_is_rows_and_their_offset() -> None:
    rig = Rig()
    rig.write(order(1, 5), order(2), order(3, 99))
    assert rig.table() == [(1, 5), (2, None), (3, 99)]
    assert rig.stored() == rig.reported() == (3, 3, 0)
    assert [(done.messages, done.altered) for done in rig.written] == [(3, 0)]


def test_a_batch_without_messages_moves_the_offset() -> None:
    rig = Rig()
    batch = dataclasses.replace(batch_of([]), first=0, next_offset=7)
    assert [(done.next_offset, done.messages) for done in rig.writer.write(batch)] == [(7, 0)]
    assert rig.stored() == (7, 0, 0)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (TableRules(metadata=()), (3, 1, 2)),
        (TableRules(metadata=(), tombstones="ignore"), (3, 1, 0)),
        (TableRules(mode="upsert", key=("a",), metadata=(), tombstones="ignore"), (3, 1, 0)),
        (TableRules(mode="upsert", key=("a",), metadata=(), tombstones="delete"), (3, 3, 0)),
    ],
    ids=["dead letters", "ignored", "ignored where rows are updated", "deletes"],
)
def test_messages_are_counted_once_for_kafka_offsets_and_for_status(
    rules: TableRules, expected: tuple[int, int, int]
) -> None:
    rig = Rig(spec_with(rules=rules))
    rig.write(order(1, 5), None, None, keys=[b"1", b"1", b"2"])
    assert rig.stored() == rig.reported() == expected


def test_what_is_committed_before_the_end_is_counted_too() -> None:
    rig = Rig(spec_with(dead_letters=False))
    with pytest.raises(DataError, match="orders/0 offset 2 "):
        rig.write(order(1), order(2), b"no Avro", order(4))
    assert rig.table() == [(1, None), (2, None)]
    assert rig.stored() == rig.reported() == (2, 2, 0)


def test_a_message_that_is_no_row_becomes_a_dead_letter_beside_its_neighbours() -> None:
    rig = Rig()
    rig.write(order(1), b"no Avro", order(2, 100), None, order(5))
    assert rig.table() == [(1, None), (5, None)]
    assert rig.letters() == [(1, "E_WIRE_FORMAT"), (2, "E_VALUE"), (3, "E_NULL_VALUE")]
    assert rig.stored() == rig.reported() == (5, 2, 3)
    assert rig.written[0].dead == {"E_WIRE_FORMAT": 1, "E_VALUE": 1, "E_NULL_VALUE": 1}


@pytest.mark.parametrize("bad", [b"no Avro", order(9, 100)], ids=["by the encoder", "by the server"])
def test_the_first_dead_letter_too_many_stops_the_partition_there(bad: bytes) -> None:
    rig = Rig(spec_with(dead_letters_per_minute=2))
    with pytest.raises(DeadLetterLimitError, match=r"offset 5 .* more than 2 dead letters"):
        rig.write(order(1), bad, order(2), bad, order(3), bad, order(4))
    assert [offset for offset, _ in rig.letters()] == [1, 3]
    assert rig.stored() == rig.reported() == (5, 3, 2)


def test_dead_letters_of_the_last_minute_count_from_batch_to_batch() -> None:
    rig = Rig(spec_with(dead_letters_per_minute=2))
    rig.write(b"no Avro")
    rig.write(b"no Avro")
    with pytest.raises(DeadLetterLimitError):
        rig.write(b"no Avro")
    assert rig.stored() == (2, 0, 2)


def test_any_number_of_dead_letters_where_there_is_no_limit() -> None:
    rig = Rig(spec_with(dead_letters_per_minute=0))
    rig.write(*[b"no Avro"] * 2_000)
    assert rig.stored() == rig.reported() == (2_000, 0, 2_000)


def test_without_the_table_for_dead_letters_the_hint_says_what_makes_it() -> None:
    rig = Rig()
    rig.server.has_dead_letters = False
    rig.owner.check()
    with pytest.raises(DataError) as found:
        rig.write(b"no Avro")
    assert "rtpipe setup" in found.value.hint


def test_a_schema_that_halts_the_partition_is_asked_about_once_more_first() -> None:
    rig = Rig()
    rig.schemas.halting[2] = 1
    rig.write(order(1), order(2, schema_id=2))
    assert rig.table() == [(1, None), (2, None)]
    assert rig.schemas.asked.count(2) == 2


def test_a_schema_that_halts_the_partition_does_so_after_the_messages_before_it() -> None:
    rig = Rig()
    rig.schemas.halting[2] = 9
    with pytest.raises(SchemaHaltError, match="orders/0 offset 1 does not fit"):
        rig.write(order(1), order(2, schema_id=2), order(3))
    assert rig.stored() == rig.reported() == (1, 1, 0)


def test_a_column_that_is_gone_is_asked_about_once_more() -> None:
    rig = Rig()
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1054, times=2))
    rig.write(order(1))
    assert rig.schemas.asked == [1, 1]
    assert rig.stored() == (1, 1, 0)


def test_what_waiting_does_not_mend_halts_with_partition_and_offset() -> None:
    rig = Rig()
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1146, times=2))
    with pytest.raises(SetupError, match="orders/0 offset 0: table orders"):
        rig.write(order(1))
    assert rig.stored() == (0, 0, 0)


def test_a_column_that_stays_gone_makes_dead_letters_of_its_rows_or_halts() -> None:
    rig = Rig()
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1054, times=9))
    with pytest.raises(SetupError, match="orders/0 offset 0"):
        rig.write(order(1))


def test_too_much_for_one_transaction_goes_in_several_until_the_server_takes_more_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    rig = Rig()
    rig.server.faults.append(Fault("COMMIT", 1197))
    rig.write(*[order(number) for number in range(8)])
    assert [done.messages for done in rig.written] == [4, 4]
    [said] = [record for record in caplog.records if vars(record).get("event") == "batch_split"]
    words = "orders/0 offset 0: larger than max_binlog_cache_size (MySQL 1197); 8 messages go in two transactions"
    assert (said.getMessage(), vars(said)["partition"]) == (words, "orders/0")
    assert rig.stored() == rig.reported() == (8, 8, 0)
    for number in range(8, 58):
        rig.write(order(number))
    rig.written.clear()
    rig.write(*[order(number) for number in range(58, 63)])
    assert [done.messages for done in rig.written] == [5]


def test_columns_that_somebody_altered_are_asked_about_before_the_next_row() -> None:
    rig = Rig()
    rig.write(order(1))
    rig.server.mark = "narrower"
    rig.write(order(2))
    assert rig.schemas.asked == [1]
    rig.owner.check()
    rig.write(order(3))
    assert rig.schemas.asked == [1, 1]


def test_updates_keep_the_last_row_of_each_key_and_deletes_take_it() -> None:
    rig = Rig(spec_with(rules=TableRules(mode="upsert", key=("a",), metadata=(), tombstones="delete")))
    rig.write(order(1, 1), order(1, 2), order(2, 2), keys=[b"1", b"1", b"2"])
    assert rig.table() == [(1, 2), (2, 2)]
    rig.write(None, order(2, 3), order(3, 100), order(3, 3), order(3, 100), keys=[b"1", b"2", b"3", b"3", b"3"])
    assert rig.table() == [(2, 3), (3, 3)], "a row that the server refuses gives way to the one before it"
    assert rig.stored() == rig.reported() == (8, 7, 1)
    assert rig.letters() == [(7, "E_VALUE")]


@pytest.mark.parametrize("bad", [b"no Avro", order(9, 100)], ids=["by the encoder", "by the server"])
@pytest.mark.parametrize("load", [True, False])
def test_the_one_message_that_a_person_steps_over_is_a_dead_letter_and_the_next_one_stops_it(
    bad: bytes, load: bool
) -> None:
    rig = Rig(spec_with(dead_letters=False, step_over=0, load_data=load))
    with pytest.raises(DataError, match="orders/0 offset 2 ") as stop:
        rig.write(bad, order(1), bad, order(4))
    assert stop.value.offset == 2
    assert [offset for offset, _ in rig.letters()] == [0]
    assert rig.table() == [(1, None)]
    assert rig.stored() == rig.reported() == (2, 1, 1)


def test_a_message_that_can_be_a_row_by_now_is_one_though_somebody_stepped_over_it() -> None:
    rig = Rig(spec_with(dead_letters=False, step_over=0))
    rig.write(order(1), order(2))
    assert rig.table() == [(1, None), (2, None)]
    assert rig.letters() == []


def test_offsets_as_they_come_from_kafka_are_a_range() -> None:
    rig = Rig(spec_with(dead_letters=False, step_over=0))
    batch = dataclasses.replace(batch_of([b"no Avro", order(1)]), offsets=range(2))
    assert sum(done.dead.total() for done in rig.writer.write(batch)) == 1
