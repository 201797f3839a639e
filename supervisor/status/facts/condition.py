"""Whether a partition's data is all right, beside the state of its processes; pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from supervisor.lifecycle.worker_state import WorkerState

#: States that only a person ends, or that are tried in vain again and again.
_HELD = frozenset({WorkerState.HALTED.value, WorkerState.QUARANTINED.value})


class Condition(enum.Enum):
    """Its value is what status, page and metrics show; the worst comes first."""

    HELD = "held"  #: it does not go on before a person has decided
    STUCK = "stuck"  #: messages are there, and nothing was committed for `stuck_after`
    LATE = "late"  #: the oldest message that is not committed is older than `late_after`
    UNKNOWN = "unknown"  #: nobody can say how far it is behind
    PAUSED = "paused"  #: a person has asked for it
    THROTTLED = "throttled"  #: slowed down on purpose
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of a topic, in seconds; what exceeds it is told."""

    late_after: float  #: age of a message that is not committed
    stuck_after: float  #: time without a commit while messages are there


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a condition follows from; None where it is not known."""

    state: str
    lag: int | None  #: messages
    lag_seconds: float | None  #: age of the oldest message that is not committed
    quiet_seconds: float  #: since the last commit, or since it has had something to commit
    throttled: str = ""  #: why it is slowed down; "" if it is not


def condition_of(grounds: Grounds, promise: Promise) -> tuple[Condition, str]:
    """The condition, and why; "" where that says enough."""
    if grounds.state in _HELD:
        return Condition.HELD, "a person must decide" if grounds.state == "halted" else "it died too often"
    if grounds.state == "paused":
        return Condition.PAUSED, ""
    if grounds.lag and grounds.quiet_seconds > promise.stuck_after:
        return Condition.STUCK, f"nothing was committed for {grounds.quiet_seconds:.0f} s"
    if grounds.lag_seconds is not None and grounds.lag_seconds > promise.late_after:
        return Condition.LATE, f"its oldest message has waited for {grounds.lag_seconds:.0f} s"
    if grounds.lag is None:
        return Condition.UNKNOWN, "how far it is behind is not known"
    if grounds.throttled:
        return Condition.THROTTLED, grounds.throttled
    return Condition.OK, ""
