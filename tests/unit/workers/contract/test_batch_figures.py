"""What is counted of batches can be added, and what was counted before taken away again."""

from __future__ import annotations

import dataclasses

import pytest

from workers.contract.batch_figures import (
    AGE_BOUNDS,
    NO_FIGURES,
    PHASES,
    SIZE_BOUNDS,
    BatchFigures,
    Histogram,
    PhaseSeconds,
)

SOME = BatchFigures(
    PhaseSeconds(1.0, 2.0, 3.0, 4.0),
    {"E_VALUE": 2, "E_KEY": 1},
    NO_FIGURES.ages.and_one(0.3, AGE_BOUNDS),
    NO_FIGURES.sizes.and_one(7, SIZE_BOUNDS),
)
MORE = BatchFigures(PhaseSeconds(commit=1.0), {"E_VALUE": 1}, NO_FIGURES.ages, NO_FIGURES.sizes)


@pytest.mark.parametrize("figures", [SOME, MORE, NO_FIGURES])
def test_a_sum_less_one_part_is_the_other(figures: BatchFigures) -> None:
    assert (SOME + figures) - SOME == dataclasses.replace(figures, reasons=((SOME + figures) - SOME).reasons)
    assert dict(((SOME + figures) - SOME).reasons) == dict(figures.reasons)
    assert NO_FIGURES + figures - NO_FIGURES == figures


@pytest.mark.parametrize(("value", "at"), [(0.0, 0), (0.005, 0), (0.006, 1), (3600.0, 14), (3601.0, 15)])
def test_a_value_is_counted_below_its_bound(value: float, at: int) -> None:
    counted = Histogram.empty(AGE_BOUNDS).and_one(value, AGE_BOUNDS)
    assert counted.counts.index(1) == at
    assert sum(counted.counts) == 1
    assert counted.total == value


def test_the_phases_are_in_the_order_of_a_batch() -> None:
    assert PHASES == ("waiting", "encoding", "writing", "commit")
