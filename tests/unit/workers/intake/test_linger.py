"""A batch that is not full is due later where batches cost more, and never because of an outage or a large batch."""

from __future__ import annotations

import pytest

from workers.intake.linger import Linger


def noted(least: float, took: float, cpu: float = 0.0, *, messages: int = 1, times: int = 100) -> float:
    """`Linger.interval` of a writer that may spend a tenth of a core, after so many equal batches."""
    linger = Linger(least, 0.1)
    for _ in range(times):
        linger.note(took, cpu, messages)
    return linger.interval


def test_a_message_that_comes_alone_waits_for_the_setting_only() -> None:
    linger = Linger(0.01, 0.1)
    assert linger.due(since=5.0) == 5.01  # nothing was written yet
    linger.note(took=0.05, cpu=0.01, messages=1)
    linger.end(now=6.0)
    assert linger.due(since=9.0) == 9.01


def test_after_a_batch_the_next_one_waits_as_its_cost_demands() -> None:
    linger = Linger(0.01, 0.1)
    for _ in range(100):
        linger.note(took=0.05, cpu=0.01, messages=1)
    linger.end(now=6.0)
    assert linger.due(since=6.1) == pytest.approx(6.2)
    assert linger.due(since=6.195) == pytest.approx(6.205)  # the setting is the least


def test_cheap_commits_keep_no_batch_waiting() -> None:
    linger = Linger(0.01, 0.1)
    linger.note(took=0.001, cpu=0.0005, messages=1)
    linger.end(now=6.0)
    assert linger.due(since=6.0) == 6.01


def test_it_grows_until_the_writer_is_busy_for_a_quarter_of_the_time() -> None:
    assert noted(0.01, took=0.01) == pytest.approx(0.04)


def test_it_grows_until_the_writer_computes_for_its_share_of_the_time() -> None:
    assert noted(0.01, took=0.005, cpu=0.004) == pytest.approx(0.04)
    assert noted(0.01, took=0.02, cpu=0.004) == pytest.approx(0.08)  # the other bound is the higher one


def test_a_large_batch_says_little_about_what_a_small_one_costs() -> None:
    assert noted(0.01, took=0.1, cpu=0.1, messages=5_000) == pytest.approx(0.01)
    assert noted(0.01, took=0.01, messages=0) == pytest.approx(0.04)


def test_an_outage_leads_to_no_wait_beyond_half_a_second_and_is_forgotten() -> None:
    linger = Linger(0.01, 0.1)
    for _ in range(100):
        linger.note(600.0, 0.01, 1)
    assert linger.interval == pytest.approx(0.5)
    for _ in range(100):
        linger.note(0.001, 0.0001, 1)
    assert linger.interval == pytest.approx(0.004)


def test_the_first_batch_which_costs_much_more_is_soon_forgotten() -> None:
    linger = Linger(0.01, 0.01)
    linger.note(0.4, 0.3, 1)
    assert linger.interval < 0.11
    for _ in range(10):
        linger.note(0.001, 0.0001, 1)
    assert linger.interval < 0.02


def test_0_means_that_no_batch_ever_waits() -> None:
    assert noted(0.0, took=1.0, cpu=1.0) == 0.0
