"""What a table writer remembers from batch to batch, and what it does when a batch is tried again."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest

from avro_schemas.tables.rules import TableRules
from tests.support.fakes.memory_database import Fault
from tests.support.fakes.writer_rig import Rig, spec_with
from tests.support.samples.small_orders import order
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.commit.encoding.row_statements import CAREFUL_ROWS
from workers.commit.writing.row_trial import ALIKE
from workers.contract.errors import DataError, DeadLetterLimitError

UNKNOWN_ERROR, UNKNOWN_COLUMN = 59_999, 1054


def inserts(rig: Rig) -> int:
    return len([said for said in rig.server.said if said.startswith("INSERT INTO `orders`")])


def test_the_table_is_not_looked_at_again_without_a_change() -> None:
    rig = Rig()
    rig.write(order(1))
    rig.server.mark = "narrower"
    rig.owner.check()
    for number in (2, 3, 4):
        rig.write(order(number))
    assert rig.schemas.asked == [1, 1]
    assert rig.schemas.asked_again == [1], "the first time there is nothing to look at again"


def test_an_unknown_column_is_asked_about_before_any_row_is_tried_alone() -> None:
    rig = Rig()
    rig.server.faults.append(Fault("INSERT INTO `orders`", UNKNOWN_COLUMN, times=2))  # at once, then one by one
    rig.write(order(1), order(2))
    assert (rig.schemas.asked, inserts(rig)) == ([1, 1], 3)


def test_a_column_that_only_some_rows_do_not_find_makes_dead_letters_of_them() -> None:
    """By a trigger that writes some rows to another table."""
    rig = Rig()
    rig.server.faults.append(Fault("(7,", UNKNOWN_COLUMN, times=99))
    rig.write(order(1), order(7), order(8))
    assert rig.letters() == [(1, "E_VALUE")]
    assert [number for number, _ in rig.table()] == [1, 8]


def test_after_a_refused_row_statements_are_smaller() -> None:
    rig = Rig()
    rig.write(order(1, 100))
    before = inserts(rig)
    rig.write(*[order(number) for number in range(2, CAREFUL_ROWS + 3)])
    assert inserts(rig) - before == 2


def test_rows_that_nobody_knows_to_be_bad_are_counted_from_batch_to_batch() -> None:
    rig = Rig()
    rig.server.faults.append(
        Fault("INSERT INTO `orders`", UNKNOWN_ERROR, times=ALIKE + 1)
    )  # the first is refused twice: at once, then one by one
    for number in range(ALIKE):
        rig.write(order(number))
    assert len(rig.letters()) == ALIKE - 1
    assert rig.table() == [(ALIKE - 1, None)], "the last one waited for the table, and was written"
    assert len(rig.patience.reasons) == 1


def test_tombstones_that_found_their_rows_need_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(spec_with(rules=TableRules(mode="upsert", key=("a",), metadata=(), tombstones="delete")))
    rig.server.sql("INSERT INTO orders VALUES (1, 5)")
    rig.write(None, keys=[b"1"])
    assert rig.table() == []
    assert not [record for record in caplog.records if vars(record).get("event") == "key_format"]
    rig.write(None, keys=[b"2"])
    assert len([record for record in caplog.records if vars(record).get("event") == "key_format"]) == 1


def test_values_that_a_lossy_column_changed_are_counted_for_rows_that_were_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encode = BatchEncoder.encode

    def with_altered(self: BatchEncoder, *args: Any, **more: Any) -> Any:
        return dataclasses.replace(encode(self, *args, **more), altered=Counter({0: 1, 1: 5}))

    monkeypatch.setattr(BatchEncoder, "encode", with_altered)
    rig = Rig()
    rig.write(order(1), order(2, 100))
    assert [done.altered for done in rig.written] == [1]


def test_what_stops_at_a_message_says_what_to_do() -> None:
    rows = "rows before offset 0 are in orders; repair the table or the data, start again"
    with pytest.raises(DataError) as off:
        Rig(spec_with(dead_letters=False)).write(b"no Avro")
    assert off.value.hint == rows
    rig = Rig()
    rig.server.has_dead_letters = False
    rig.owner.check()
    with pytest.raises(DataError) as missing:
        rig.write(b"no Avro")
    assert missing.value.hint == (
        f"{rows}; with the table rtpipe_dead_letters, which `rtpipe setup` makes, it would go there"
    )


def test_too_many_dead_letters_say_what_that_looks_like() -> None:
    with pytest.raises(DeadLetterLimitError) as many:
        Rig(spec_with(dead_letters_per_minute=1)).write(b"no Avro", b"no Avro")
    assert many.value.message.endswith(
        ": more than 1 dead letters within a minute, which looks like an outage and not like bad messages"
    )
    assert many.value.hint == "`rtpipe dead-letters list` shows them; repair the cause, then: rtpipe resume orders/0"
