"""States, restart policy, rates: the pure part of supervision."""

from __future__ import annotations

import itertools

import pytest

from supervisor.lifecycle.rate_meter import RateMeter
from supervisor.lifecycle.worker_state import MOVES, TERMINAL, IllegalMove, WorkerState, move
from tests.support.samples.specs import default_policy

MIDDLE = 0.5  # no jitter


@pytest.mark.parametrize(("old", "new"), list(itertools.product(WorkerState, WorkerState)))
def test_every_pair_of_states(old: WorkerState, new: WorkerState) -> None:
    if new in MOVES[old]:
        assert move(old, new) is new
    else:
        with pytest.raises(IllegalMove, match=f"{old.value} -> {new.value}"):
            move(old, new)


def test_every_state_can_be_left_for_a_terminal_one() -> None:
    for state in WorkerState:
        seen, todo = set(), {state}
        while todo:
            seen |= todo
            todo = set().union(*(MOVES[one] for one in todo)) - seen
        assert seen & TERMINAL


def test_the_first_restart_is_immediate_then_delays_double_to_the_longest() -> None:
    policy = default_policy(budget=100)
    now = 1_000.0
    delays = [policy.next_start([now] * count, now, MIDDLE).at - now for count in range(1, 10)]
    assert delays == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_the_tenth_death_without_progress_quarantines() -> None:
    policy = default_policy()
    assert not policy.next_start([0.0] * 9, 1.0, MIDDLE).quarantined
    verdict = policy.next_start([0.0] * 10, 1.0, MIDDLE)
    assert verdict.quarantined
    assert verdict.at == 301.0


def test_deaths_before_the_window_are_forgotten() -> None:
    assert default_policy().next_start([0.0] * 50, 301.0, MIDDLE).at == 301.0


def test_jitter_stays_within_its_share() -> None:
    policy = default_policy()
    early, late = (policy.next_start([0.0, 0.0], 0.0, chance).at for chance in (0.0, 1.0))
    assert (early, late) == (0.4, 0.6)


def test_a_rate_is_growth_over_time() -> None:
    meter = RateMeter(window=5)
    for second in range(10):
        meter.add(float(second), second * 100)
    assert meter.rate(9.0) == 100.0


def test_a_rate_without_news_falls_to_zero() -> None:
    meter = RateMeter(window=5)
    meter.add(0.0, 0)
    meter.add(1.0, 100)
    assert meter.rate(1.0) == 100.0
    assert meter.rate(20.0) == 0.0
