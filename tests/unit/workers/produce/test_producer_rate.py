from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.produce.rate import BURST_SECONDS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sent_in(pace: Pace, clock: Clock, seconds: float, most: int = 100) -> list[tuple[float, int]]:
    """(time, messages) of a sender that waits exactly as told."""
    began, sent = clock.now, []
    while clock.now - began < seconds:
        if taken := pace.take(most):
            sent.append((clock.now - began, taken))
        else:
            wait = pace.wait()
            assert wait > 0, "waiting for nothing would be a busy loop"
            clock.now += wait
    return sent


@given(st.floats(0.1, 1e6), st.integers(1, 100))
def test_the_rate_is_held(rate: float, most: int) -> None:
    clock = Clock()
    seconds = 20 / rate
    total = sum(count for _, count in sent_in(Pace(rate, clock=clock), clock, seconds, most))
    assert total == pytest.approx(rate * seconds, abs=2 + rate * BURST_SECONDS)


def test_a_low_rate_comes_one_by_one() -> None:
    clock = Clock()
    assert [count for _, count in sent_in(Pace(2.0, clock=clock), clock, 4.9)] == [1] * 10


def test_a_high_rate_wakes_seldom_and_stays_smooth() -> None:
    clock = Clock()
    sent = sent_in(Pace(50_000, clock=clock), clock, 1.0, most=1_000)
    assert len(sent) <= 210
    assert max(count for _, count in sent) <= 260


def test_a_stall_is_not_caught_up() -> None:
    clock = Clock()
    pace = Pace(1_000, clock=clock)
    clock.now += 60
    assert pace.take(10_000) == 1_000 * BURST_SECONDS


def test_processes_that_share_a_rate_start_one_after_the_other() -> None:
    clock = Clock()
    paces = [Pace(0.5, first=(number + 1) / 2, clock=clock) for number in range(2)]
    assert [pace.take(9) for pace in paces] == [0, 1]
    assert paces[0].wait() == pytest.approx(1.0)


def test_no_rate_is_no_limit() -> None:
    pace = Pace(None)
    assert pace.take(1_000_000) == 1_000_000
    assert pace.wait() == 0
