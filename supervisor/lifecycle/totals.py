"""Sums over workers: what all that a run had have done."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.lifecycle.worker_history import WorkerHistory


@dataclass(frozen=True, slots=True)
class Totals:
    """Since the supervisor started."""

    rows: int = 0
    dead: int = 0  #: dead letters
    altered: int = 0  #: values that lossy columns changed
    restarts: int = 0

    @classmethod
    def of(cls, history: WorkerHistory) -> Totals:
        """Those of one worker."""
        return cls(history.rows, history.dead, history.altered, history.deaths.restarts.total())

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.rows + other.rows,
            self.dead + other.dead,
            self.altered + other.altered,
            self.restarts + other.restarts,
        )
