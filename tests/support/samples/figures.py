"""Figures of batches, counted as a consumer counts them."""

from __future__ import annotations

from workers.contract.batch_figures import Histogram, HistogramCount


def histogram_of(bounds: tuple[float, ...], *values: float) -> Histogram:
    """These values, counted."""
    count = HistogramCount(bounds)
    for value in values:
        count.add(value)
    return count.so_far()
