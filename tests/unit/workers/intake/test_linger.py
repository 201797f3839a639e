"""A batch that is not full waits longer where batches cost more, and never because of an outage or a large batch."""

from __future__ import annotations

import pytest

from workers.intake.linger import Linger


def noted(least: float, took: float, cpu: float = 0.0, *, messages: int = 1, times: int = 100) -> float:
    """`Linger.seconds` of a writer that may spend a tenth of a core, after so many equal batches."""
    linger = Linger(least, 0.1)
    for _ in range(times):
        linger.note(took, cpu, messages)
    return linger.seconds


def test_it_is_the_setting_while_nothing_is_known() -> None:
    assert Linger(0.01, 0.1).seconds == 0.01


def test_cheap_commits_leave_it_as_it_is_set() -> None:
    assert noted(0.01, took=0.001, cpu=0.001) == 0.01


def test_it_grows_until_the_writer_is_busy_for_a_quarter_of_the_time() -> None:
    assert noted(0.01, took=0.01) == pytest.approx(0.03)


def test_it_grows_until_the_writer_computes_for_its_share_of_the_time() -> None:
    assert noted(0.01, took=0.005, cpu=0.004) == pytest.approx(0.035)
    assert noted(0.01, took=0.02, cpu=0.004) == pytest.approx(0.06)  # the other bound is the higher one


def test_a_large_batch_says_little_about_what_a_small_one_costs() -> None:
    assert noted(0.01, took=0.1, cpu=0.1, messages=5_000) == 0.01
    assert noted(0.01, took=0.01, messages=0) == pytest.approx(0.03)


def test_an_outage_leads_to_no_wait_beyond_half_a_second_and_is_forgotten() -> None:
    linger = Linger(0.01, 0.1)
    for _ in range(100):
        linger.note(600.0, 0.01, 1)
    assert linger.seconds == pytest.approx(0.5)
    for _ in range(100):
        linger.note(0.001, 0.0001, 1)
    assert linger.seconds == 0.01


def test_the_first_batch_which_costs_much_more_is_soon_forgotten() -> None:
    linger = Linger(0.01, 0.01)
    linger.note(0.4, 0.3, 1)
    assert linger.seconds < 0.11
    for _ in range(10):
        linger.note(0.001, 0.0001, 1)
    assert linger.seconds < 0.02


def test_it_never_falls_below_the_setting_and_0_means_never() -> None:
    assert noted(2.0, took=0.01) == 2.0
    assert noted(0.0, took=1.0, cpu=1.0) == 0.0
