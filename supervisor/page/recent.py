"""The last minutes of each partition and of all together, for charts; kept in memory by the page's process alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus

#: Seconds between two points, and how many points there are: ten minutes.
STEP, _KEPT = 2.0, 300


@dataclass(frozen=True, slots=True)
class Point:
    """One moment; None where nobody knows."""

    at: float  #: seconds since 1970
    rows_per_second: float | None
    lag: int | None  #: messages
    lag_seconds: float | None
    batch_seconds: float | None = None  #: mean since the point before; None if no batch was committed
    memory_bytes: int | None = None


class Recent:
    """Of a run; a partition that is gone is forgotten."""

    def __init__(self) -> None:
        self._all: deque[Point] = deque(maxlen=_KEPT)
        self._points: dict[str, deque[Point]] = {}
        self._work: dict[str, tuple[int, float]] = {}
        self._next = 0.0

    def add(self, status: PipelineStatus, at: float) -> None:
        """A point of each, if it is time for one; `at` in seconds since 1970."""
        if at < self._next:
            return
        self._next = at + STEP
        found = status.partitions
        self._points = {p.key: self._points.get(p.key) or deque(maxlen=_KEPT) for p in found}
        self._work = {key: work for key, work in self._work.items() if key in self._points}
        for p in found:
            point = Point(at, p.rows_per_second, p.lag, p.lag_seconds, self._batch_seconds(p), p.memory_bytes)
            self._points[p.key].append(point)
        self._all.append(together(found, at))

    def of(self, key: str) -> Sequence[Point]:
        """Of one partition, oldest first."""
        return tuple(self._points.get(key, ()))

    def of_all(self) -> Sequence[Point]:
        """Of all partitions together, oldest first."""
        return tuple(self._all)

    def _batch_seconds(self, p: PartitionStatus) -> float | None:
        time = p.figures.phases
        before, self._work[p.key] = self._work.get(p.key), (p.batches or 0, time.encoding + time.writing + time.commit)
        batches, seconds = self._work[p.key]
        if before is None or batches <= before[0]:
            return None
        return max(0.0, seconds - before[1]) / (batches - before[0])


def together(partitions: Sequence[PartitionStatus], at: float) -> Point:
    """The sums, and the oldest message; a sum with an unknown part is unknown."""
    rates, lags = [p.rows_per_second for p in partitions], [p.lag for p in partitions]
    ages = [p.lag_seconds for p in partitions if p.lag_seconds is not None]
    return Point(
        at,
        None if None in rates else sum(rate or 0.0 for rate in rates),
        None if None in lags else sum(lag or 0 for lag in lags),
        max(ages, default=None),
    )
