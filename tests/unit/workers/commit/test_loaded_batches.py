"""Batches whose rows go by LOAD DATA, on a database in memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.fakes.memory_database import Fault
from tests.support.fakes.writer_rig import Rig, spec_with
from tests.support.samples.small_orders import order
from workers.contract.batch import Batch
from workers.rows.row_encoder import RowEncoder


class Columns:
    """The general encoder's rows, as a file."""

    load_columns = "(`a`, `b`)"

    def __init__(self, encoder: RowEncoder) -> None:
        self._encoder = encoder

    def file(self, batch: Batch, indexes: Sequence[int]) -> bytes | None:
        made = self._encoder.encode(batch, indexes)
        if made.refused:
            return None
        return "".join(literal.replace(",", "\t") + "\n" for literal in made.literals).encode()

    def literals(self, batch: Batch, indexes: Sequence[int]) -> tuple[list[str], list[str]] | None:
        return None


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every schema has an encoder for columns."""
    make = RowEncoder.__init__

    def making(self: RowEncoder, *arguments: Any, **more: Any) -> None:
        make(self, *arguments, **more)
        self.columns = Columns(self)

    monkeypatch.setattr(RowEncoder, "__init__", making)


def loading_rig(**changes: Any) -> Rig:
    """A writer on a server that takes LOAD DATA, of which it knows."""
    rig = Rig(spec_with(**changes))
    rig.server.takes_load = True
    rig.owner.check()
    rig.server.said.clear()
    return rig


def ways(rig: Rig) -> list[str]:
    """How rows went to the server, and what became of each transaction."""
    kinds = ("LOAD", "INSERT INTO `orders`", "COMMIT", "ROLLBACK")
    return [kind.split()[0] for said in rig.server.said for kind in kinds if said.startswith(kind)]


def test_rows_go_by_load_data_with_their_offset() -> None:
    rig = loading_rig()
    rig.write(order(1, 5), order(2), order(3, 99))
    assert rig.table() == [(1, 5), (2, None), (3, 99)]
    assert rig.stored() == rig.reported() == (3, 3, 0)
    assert ways(rig) == ["INSERT", "LOAD", "COMMIT"], "the first row finds out what became of the columns"


def test_rows_that_were_loaded_are_in_the_journal_and_what_was_rolled_back_is_not() -> None:
    rig = loading_rig(journal=True)
    rig.write(order(1), order(2))
    rig.write(order(3), order(4, 100))
    assert rig.journal() == [("batch", 0, 2, 2, 2, 0), ("batch", 2, 4, 2, 1, 1)]
    assert len(rig.table()) == 3


@pytest.mark.parametrize("changes", [{"load_data": False}, {}], ids=["by the settings", "by the server"])
def test_rows_go_by_insert_where_load_data_is_off(changes: dict[str, Any]) -> None:
    rig = loading_rig(**changes)
    rig.server.takes_load = bool(changes)
    rig.owner.check()
    rig.server.said.clear()
    rig.write(order(1, 5))
    assert (ways(rig), rig.table()) == (["INSERT", "COMMIT"], [(1, 5)])


def test_a_row_that_load_data_skips_is_a_dead_letter_in_the_end() -> None:
    rig = loading_rig()
    rig.write(order(1, 5), order(2, 100), order(3, 6))
    assert rig.table() == [(1, 5), (3, 6)]
    assert rig.letters() == [(1, "E_VALUE")]
    assert rig.stored() == rig.reported() == (3, 2, 1)
    assert ways(rig)[:3] == ["INSERT", "LOAD", "ROLLBACK"]
    assert ways(rig)[-1] == "COMMIT"
    assert ways(rig).count("COMMIT") == 1


def test_after_a_failure_some_batches_go_by_insert_and_then_load_data_is_tried_again() -> None:
    rig = loading_rig()
    rig.write(order(1), order(2, 100))
    rig.server.said.clear()
    for number in range(10, 30, 2):
        rig.write(order(number), order(number + 1))
    assert [way for way in ways(rig) if way != "COMMIT"] == ["INSERT"] * 7 + ["INSERT", "LOAD"] * 3
    assert rig.stored() == (22, 21, 1)


def test_each_failure_is_logged_and_one_that_is_taken_makes_the_next_failure_the_first(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    rig = loading_rig()
    rig.write(order(1), order(2, 100))
    for number in range(10, 30, 2):
        rig.write(order(number), order(number + 1))
    rig.write(order(30), order(31, 100))
    said = [record for record in caplog.records if vars(record).get("event") == "load_failed"]
    assert [record.getMessage() for record in said] == [
        f"orders/0 offset {offset}: LOAD DATA LOCAL: table orders: 0 of 1 rows, 1 warnings; INSERT for 8 batches"
        for offset in (0, 22)
    ]
    assert {vars(record)["partition"] for record in said} == {"orders/0"}


def test_a_message_that_may_be_no_row_sends_all_of_its_schema_by_insert() -> None:
    rig = loading_rig()
    rig.write(order(1, 5), order(2)[:-1])
    assert ways(rig)[0] == "INSERT"
    assert (rig.table(), rig.letters()) == ([(1, 5)], [(1, "E_DECODE")])


def test_a_message_that_is_no_avro_takes_nothing_from_its_neighbours() -> None:
    rig = loading_rig()
    rig.write(order(1, 5), b"no Avro", order(2), None)
    assert ways(rig) == ["INSERT", "LOAD", "COMMIT"]
    assert rig.stored() == rig.reported() == (4, 2, 2)


@pytest.mark.parametrize("number", [3948, 4166, 1148, 1047])
def test_a_server_that_takes_it_no_more_is_no_outage(number: int) -> None:
    rig = loading_rig()
    rig.server.faults.append(Fault("LOAD", number))
    rig.write(order(1), order(2))
    assert rig.stored() == rig.reported() == (2, 2, 0)
    assert (ways(rig), rig.patience.reasons) == (["INSERT", "LOAD", "ROLLBACK", "INSERT", "COMMIT"], [])


def test_a_connection_lost_in_a_load_is_made_anew_and_the_batch_goes_by_insert() -> None:
    rig = loading_rig()
    rig.server.faults.append(Fault("LOAD", 2013))
    rig.write(order(1), order(2))
    assert rig.stored() == rig.reported() == (2, 2, 0)
    assert rig.server.opened == 2
    assert ways(rig)[-2:] == ["INSERT", "COMMIT"]
    assert ways(rig).count("LOAD") == 1


@pytest.mark.parametrize("after", [False, True], ids=["before it was done", "after it was done"])
def test_the_row_decides_about_a_load_whose_commit_got_no_reply(after: bool) -> None:
    rig = loading_rig()
    rig.server.faults.append(Fault("COMMIT", 2013, after=after))
    rig.write(order(1), order(2))
    assert rig.table() == [(1, None), (2, None)]
    assert rig.stored() == rig.reported() == (2, 2, 0)
    assert ways(rig).count("LOAD") == 1
    assert ways(rig).count("INSERT") == (1 if after else 2)


def test_a_row_that_is_there_already_is_refused_as_by_insert() -> None:
    rig = loading_rig()
    rig.write(order(1))
    rig.write(order(2), order(1), order(3))
    assert rig.letters() == [(2, "E_VALUE")]
    assert rig.table() == [(1, None), (2, None), (3, None)]


def test_a_first_message_that_is_no_row_sends_all_by_insert() -> None:
    rig = loading_rig()
    rig.write(order(1)[:-1], order(2), order(3))
    assert "LOAD" not in ways(rig)
    assert rig.stored() == rig.reported() == (3, 2, 1)


def test_a_message_alone_goes_by_insert() -> None:
    rig = loading_rig()
    rig.write(order(1))
    assert ways(rig) == ["INSERT", "COMMIT"]


def test_a_message_whose_row_may_be_larger_than_a_statement_sends_all_by_insert() -> None:
    rig = loading_rig()
    rig.write(order(1), order(2) + bytes(1_100))  # more than 1/64 of what the server takes
    assert "LOAD" not in ways(rig)
    assert rig.letters() == [(1, "E_DECODE")]
