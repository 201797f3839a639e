"""How the page writes what it knows: numbers, and for each state a shape, a word and a tone; pure."""

from __future__ import annotations

from dataclasses import dataclass

from rtpipe.clock import duration
from supervisor.status.facts.partition_status import PartitionStatus

UNKNOWN = "-"
_BINARY = 1024
_AT_ONCE = 2.0  #: seconds: what is younger is only on its way


@dataclass(frozen=True, slots=True)
class Mark:
    """A state or condition, told by shape and word as well as by colour."""

    shape: str
    word: str
    tone: str  #: good, warn, bad or calm

    @property
    def text(self) -> str:
        """`▲ late`."""
        return f"{self.shape} {self.word}"


_CONDITIONS = {
    "held": ("■", "bad"),
    "stuck": ("◆", "bad"),
    "late": ("▲", "warn"),
    "unknown": ("?", "warn"),
    "paused": ("‖", "calm"),
    "throttled": ("≈", "calm"),
    "ok": ("●", "good"),
}
_STATES = {
    "halted": ("■", "bad"),
    "quarantined": ("■", "bad"),
    "backoff": ("↻", "bad"),
    "waiting": ("…", "warn"),
    "starting": ("◌", "warn"),
    "stopping": ("▽", "calm"),
    "paused": ("‖", "calm"),
    "stopped": ("○", "calm"),
    "running": ("▸", "good"),
}
_WORST = [*_CONDITIONS]
_WORST_STATES = [*_STATES]


def condition_mark(condition: str) -> Mark:
    """Of a version that has other conditions: as it says it."""
    shape, tone = _CONDITIONS.get(condition, ("?", "warn"))
    return Mark(shape, condition or "unknown", tone)


def state_mark(state: str) -> Mark:
    """The same of a state."""
    shape, tone = _STATES.get(state, ("?", "warn"))
    return Mark(shape, state, tone)


def badness(p: PartitionStatus) -> tuple[int, int, int]:
    """To sort by: the worst first; of those that are well none comes before another."""
    condition = _WORST.index(p.condition if p.condition in _WORST else "unknown")
    state = _WORST_STATES.index(p.state) if p.state in _WORST_STATES else 0
    if p.state in {"backoff", "waiting"}:  # its data is still all right
        condition = min(condition, _WORST.index("late"))
    return condition, state, 0 if p.condition == "ok" else -(p.lag or 0)


def number(value: float | None) -> str:
    """`1,234`; a dash where nobody knows."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """`3 min 5 s`."""
    return UNKNOWN if value is None else duration(value)


def milliseconds(value: float | None) -> str:
    """Of something short, in seconds: `12 ms`."""
    if value is None:
        return UNKNOWN
    return f"{value * 1_000:.0f} ms" if value < 1 else f"{value:.1f} s"


def size(value: int | None) -> str:
    """`31 MB`."""
    if value is None:
        return UNKNOWN
    return f"{value / _BINARY**2:,.0f} MB" if value < _BINARY**3 else f"{value / _BINARY**3:.1f} GB"


def trend(p: PartitionStatus) -> str:
    """`-120/s`: how the lag moves."""
    if p.lag_per_second is None:
        return UNKNOWN
    if not p.lag:
        return "none"
    return "steady" if abs(p.lag_per_second) < 1 else f"{p.lag_per_second:+,.0f}/s"


def caught_up(p: PartitionStatus) -> str:
    """How long until nothing is left, where that is more than the flow of every second."""
    if p.lag is None:
        return UNKNOWN
    if not p.lag or (p.lag_seconds or 0) < _AT_ONCE:
        return "now"
    return "not like this" if p.caught_up_in is None else duration(round(p.caught_up_in))


def clock(at: str) -> str:
    """The time of day of RFC 3339, with its date: `11-29 18:03:49`."""
    return f"{at[5:10]} {at[11:19]}" if len(at) > len("2026-11-29T18:03:49") else at or UNKNOWN
