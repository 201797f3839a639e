"""What is counted of batches beside their rows: where their time went, their age and size, and what was refused.

A worker counts from zero; its supervisor adds up the differences between two reports, so all of it can be added and
subtracted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from workers.contract.plain import Plain

#: Upper bounds of the ages of a batch's oldest message when it was committed, in seconds.
AGE_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
#: Upper bounds of the messages of a batch.
SIZE_BOUNDS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, slots=True)
class PhaseSeconds(Plain):
    """Where the time of a writer went, in seconds. What it waits for the database is in the phase that needed it."""

    waiting: float = 0.0  #: for messages
    encoding: float = 0.0  #: messages decoded, rows built; schemas asked for
    writing: float = 0.0  #: statements, up to the COMMIT
    commit: float = 0.0  #: of the COMMIT itself

    def __add__(self, other: PhaseSeconds) -> PhaseSeconds:
        return PhaseSeconds(*(getattr(self, name) + getattr(other, name) for name in PHASES))

    def __sub__(self, other: PhaseSeconds) -> PhaseSeconds:
        return PhaseSeconds(*(getattr(self, name) - getattr(other, name) for name in PHASES))


NO_TIME = PhaseSeconds()
#: The names of the phases, in the order in which a batch goes through them.
PHASES = tuple(phase.name for phase in fields(PhaseSeconds))


@dataclass(frozen=True, slots=True)
class Histogram(Plain):
    """How many values are at most each bound and above the one before; the last count is of all that are larger."""

    counts: tuple[int, ...]
    total: float = 0.0  #: the sum of all values

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Histogram:
        """Nothing counted yet."""
        return cls((0,) * (len(bounds) + 1))

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(tuple(map(int.__add__, self.counts, other.counts)), self.total + other.total)

    def __sub__(self, other: Histogram) -> Histogram:
        return Histogram(tuple(map(int.__sub__, self.counts, other.counts)), self.total - other.total)


_NO_AGES, _NO_SIZES = Histogram.empty(AGE_BOUNDS), Histogram.empty(SIZE_BOUNDS)


@dataclass(frozen=True, slots=True)
class BatchFigures(Plain):
    """Sums over batches that were committed."""

    phases: PhaseSeconds = NO_TIME
    reasons: Mapping[str, int] = field(default_factory=dict)  #: dead letters by the names of their reasons
    ages: Histogram = _NO_AGES  #: seconds from production to COMMIT, of the oldest message of each batch
    sizes: Histogram = _NO_SIZES  #: messages of a transaction
    deletes: int = 0  #: messages that took effect as a deletion by key
    reconnects: int = 0  #: connections to the database beyond a generation's first one

    def __add__(self, other: BatchFigures) -> BatchFigures:
        return BatchFigures(
            self.phases + other.phases,
            dict(Counter(self.reasons) + Counter(other.reasons)),  # asdict does not take a Counter for a mapping
            self.ages + other.ages,
            self.sizes + other.sizes,
            self.deletes + other.deletes,
            self.reconnects + other.reconnects,
        )

    def __sub__(self, other: BatchFigures) -> BatchFigures:
        return BatchFigures(
            self.phases - other.phases,
            dict(Counter(self.reasons) - Counter(other.reasons)),
            self.ages - other.ages,
            self.sizes - other.sizes,
            self.deletes - other.deletes,
            self.reconnects - other.reconnects,
        )


NO_FIGURES = BatchFigures()


class HistogramCount:
    """A histogram that grows."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        """Another value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def so_far(self) -> Histogram:
        """All values."""
        return Histogram(tuple(self._counts), self._total)


class FiguresCount:
    """Figures that grow with each commit: there are hundreds in a second, and few reports of them."""

    def __init__(self) -> None:
        self._phases = dict.fromkeys(PHASES, 0.0)
        self._reasons: Counter[str] = Counter()
        self._ages, self._sizes = HistogramCount(AGE_BOUNDS), HistogramCount(SIZE_BOUNDS)
        self._deletes = self._reconnects = 0

    def add(self, phases: PhaseSeconds, reasons: Mapping[str, int], messages: int, deletes: int = 0) -> None:
        """A transaction of so many messages, of which `deletes` delete by their keys."""
        self._deletes += deletes
        for name in PHASES:
            self._phases[name] += getattr(phases, name)
        if reasons:
            self._reasons.update(reasons)
        self._sizes.add(messages)

    def add_age(self, seconds: float) -> None:
        """A batch is committed so long after its oldest message was produced; by another machine's clock, perhaps."""
        self._ages.add(max(0.0, seconds))

    def reconnected(self, times: int) -> None:
        """So often by now."""
        self._reconnects = times

    def so_far(self) -> BatchFigures:
        """All of them."""
        return BatchFigures(
            PhaseSeconds(**self._phases),
            dict(self._reasons),
            self._ages.so_far(),
            self._sizes.so_far(),
            self._deletes,
            self._reconnects,
        )
