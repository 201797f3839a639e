"""What one run was: points on its way, and the figures that follow from them; pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The shares of the rows between which a run counts as steady.
EARLY, LATE = 0.2, 0.9


@dataclass(frozen=True, slots=True)
class Point:
    """How far a run is."""

    seconds: float  #: since its process was started
    rows: int  #: messages whose rows are committed
    cpu: Mapping[str, float]  #: seconds so far, by kind of process
    busy: float = 0.0  #: CPU seconds of the whole machine so far


@dataclass(frozen=True, slots=True)
class Run:
    """One run of rtpipe, or of another that does its work."""

    rows: int
    cold: float  #: rows/s from the start of the process
    steady: float  #: rows/s between EARLY and LATE of the rows
    micros: Mapping[str, float]  #: CPU microseconds a row meanwhile, by kind of process
    cores: Mapping[str, float]  #: how many cores each kind kept busy meanwhile
    busy: float  #: how many cores of the machine were busy meanwhile
    rows_a_commit: float = 0.0
    memory: float = 0.0  #: MB (PSS) of all its processes at its end


@dataclass(frozen=True, slots=True)
class Bare:
    """One run of nothing but statements of finished rows."""

    rate: float  #: rows/s
    micros: float  #: CPU microseconds a row of the database; 0 if it is not on this machine


def run_of(points: Sequence[Point], *, rows_a_commit: float = 0.0, memory: float = 0.0) -> Run:
    """The figures of a run that was looked at in these points; it ended where no more rows came."""
    end = next(point for point in points if point.rows == points[-1].rows)
    early = next(point for point in points if point.rows >= EARLY * end.rows)
    late = next(point for point in points if point.rows >= LATE * end.rows)
    rows, seconds = max(late.rows - early.rows, 1), max(late.seconds - early.seconds, 1e-9)
    used = {kind: max(late.cpu[kind] - early.cpu.get(kind, 0.0), 0.0) for kind in late.cpu}
    return Run(
        rows=end.rows,
        cold=end.rows / end.seconds,
        steady=rows / seconds if late.rows > early.rows else end.rows / end.seconds,
        micros={kind: spent / rows * 1e6 for kind, spent in used.items()},
        cores={kind: spent / seconds for kind, spent in used.items()},
        busy=(late.busy - early.busy) / seconds,
        rows_a_commit=rows_a_commit,
        memory=memory,
    )


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of each round: what drifts on the machine hits both of a pair."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True) if other)
