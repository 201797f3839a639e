"""How many messages a limit allows at which moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.intake.row_pace import RowPace


def test_without_a_limit_all_is_allowed_at_once() -> None:
    pace = RowPace(0, 0.0)
    assert (pace.allowed(5_000, 0.0), pace.wait(0.0)) == (5_000, 0.0)
    pace.spend(5_000)
    assert (pace.allowed(5_000, 0.0), pace.wait(0.0)) == (5_000, 0.0)


def test_it_begins_with_nothing_and_waits_until_a_poll_is_worth_it() -> None:
    pace = RowPace(1_000, 0.0)
    assert pace.allowed(5_000, 0.0) == 0
    assert pace.wait(0.0) == pytest.approx(0.1)
    assert pace.allowed(5_000, 0.05) == 0
    assert pace.wait(0.05) == pytest.approx(0.05)
    assert pace.allowed(5_000, 0.11) == 110
    pace.spend(110)
    assert pace.allowed(5_000, 0.12) == 0


def test_what_was_not_used_is_kept_for_a_second() -> None:
    pace = RowPace(1_000, 0.0)
    assert pace.allowed(5_000, 60.0) == 1_000
    assert pace.allowed(10, 60.0) == 10


def test_less_than_one_a_second_is_one_now_and_then() -> None:
    pace = RowPace(0.5, 0.0)
    assert pace.wait(0.0) == pytest.approx(2.0)
    assert pace.allowed(5, 1.9) == 0
    assert pace.allowed(5, 2.0) == 1


def test_a_change_holds_from_now_on() -> None:
    pace = RowPace(1_000_000, 0.0)
    assert pace.allowed(10**9, 10.0) == 1_000_000
    pace.change(10, 10.0)
    assert pace.allowed(10**9, 10.0) == 0
    pace.change(0, 10.0)
    assert (pace.allowed(7, 10.0), pace.wait(10.0)) == (7, 0.0)


@given(rate=st.floats(0.1, 1e5), steps=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20_000)), max_size=50))
def test_never_more_than_the_limit_and_one_second_of_it(rate: float, steps: list[tuple[float, int]]) -> None:
    pace, now, read = RowPace(rate, 0.0), 0.0, 0
    for step, most in steps:
        now += step
        allowed = pace.allowed(most, now)
        assert 0 <= allowed <= most
        pace.spend(allowed)
        read += allowed
        assert read <= rate * now + 1e-6 * now + 1
