"""Batches grow while the writer is behind, never beyond the setting, and get smaller where transactions are slow."""

from __future__ import annotations

import pytest

from workers.contract.reports import Committed
from workers.intake.batch_rows import BatchRows


def committed(messages: int, seconds: float = 0.1) -> Committed:
    return Committed(offset=0, messages=messages, rows=messages, dead=0, seconds=seconds, cpu_seconds=0.0)


@pytest.mark.parametrize(("most", "begins"), [(20_000, 5_000), (100, 100)])
def test_it_begins_small_enough_for_the_setting(most: int, begins: int) -> None:
    assert BatchRows(most).rows == begins


def test_it_doubles_while_full_batches_wait_and_stops_at_the_setting() -> None:
    size, grown = BatchRows(18_000), []
    for _ in range(4):
        size.note(committed(size.rows), unwritten=3)
        grown.append(size.rows)
    assert grown == [10_000, 18_000, 18_000, 18_000]


@pytest.mark.parametrize(("messages", "unwritten"), [(5_000, 1), (4_999, 3), (10, 9)])
def test_it_stays_where_nothing_waits_or_batches_are_not_full(messages: int, unwritten: int) -> None:
    size = BatchRows(20_000)
    size.note(committed(messages), unwritten)
    assert size.rows == 5_000


def test_a_slow_transaction_halves_it_by_what_was_in_it() -> None:
    size = BatchRows(20_000)
    size.note(committed(5_000, seconds=3), unwritten=3)
    assert size.rows == 2_500
    size.note(committed(1_600, seconds=3), unwritten=3)
    assert size.rows == 800
    for _ in range(5):
        size.note(committed(1, seconds=60), unwritten=3)
    assert size.rows == 500, "an outage is over at some time"


def test_it_never_halves_beyond_a_small_setting_and_grows_again() -> None:
    size = BatchRows(30)
    size.note(committed(30, seconds=60), unwritten=3)
    assert size.rows == 30
    size = BatchRows(1_000)
    size.note(committed(1_000, seconds=60), unwritten=3)
    size.note(committed(500), unwritten=3)
    assert size.rows == 1_000
