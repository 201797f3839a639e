"""What is counted of batches can be added, and what was counted before taken away again."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.samples.figures import histogram_of
from workers.contract.batch_figures import (
    AGE_BOUNDS,
    NO_FIGURES,
    PHASES,
    SIZE_BOUNDS,
    BatchFigures,
    FiguresCount,
    PhaseSeconds,
)

SOME = BatchFigures(
    PhaseSeconds(1.0, 2.0, 3.0, 4.0),
    {"E_VALUE": 2, "E_KEY": 1},
    histogram_of(AGE_BOUNDS, 0.3),
    histogram_of(SIZE_BOUNDS, 7),
    deletes=5,
    reconnects=1,
)
MORE = BatchFigures(PhaseSeconds(commit=1.0), {"E_VALUE": 1}, NO_FIGURES.ages, NO_FIGURES.sizes, 2, 3)


@pytest.mark.parametrize("figures", [SOME, MORE, NO_FIGURES])
def test_a_sum_less_one_part_is_the_other(figures: BatchFigures) -> None:
    assert (SOME + figures) - SOME == dataclasses.replace(figures, reasons=((SOME + figures) - SOME).reasons)
    assert dict(((SOME + figures) - SOME).reasons) == dict(figures.reasons)
    assert NO_FIGURES + figures - NO_FIGURES == figures


@pytest.mark.parametrize(("value", "at"), [(0.0, 0), (0.005, 0), (0.006, 1), (3600.0, 14), (3601.0, 15)])
def test_a_value_is_counted_below_its_bound(value: float, at: int) -> None:
    counted = histogram_of(AGE_BOUNDS, value)
    assert counted.counts.index(1) == at
    assert sum(counted.counts) == 1
    assert counted.total == value


def test_the_phases_are_in_the_order_of_a_batch() -> None:
    assert PHASES == ("waiting", "encoding", "writing", "commit")


def test_what_grows_gives_the_figures_so_far() -> None:
    count = FiguresCount()
    assert count.so_far() == NO_FIGURES
    count.add(PhaseSeconds(commit=1.0), {}, 7)
    count.add(PhaseSeconds(0.5, commit=2.0), {"E_KEY": 2}, 7_000, 4)
    count.reconnected(2)
    count.add_age(0.3)
    count.add_age(-5.0)  # another machine's clock
    assert count.so_far() == BatchFigures(
        PhaseSeconds(0.5, commit=3.0),
        {"E_KEY": 2},
        histogram_of(AGE_BOUNDS, 0.3, 0.0),
        histogram_of(SIZE_BOUNDS, 7, 7_000),
        deletes=4,
        reconnects=2,
    )
