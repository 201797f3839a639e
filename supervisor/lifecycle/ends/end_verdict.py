"""What follows from the end of a generation; pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from rtpipe.errors import ExitCode
from supervisor.lifecycle.generation.generation_end import GenerationEnd
from workers.contract.reports import WORKER_DIED, Ended

#: Exit codes that starting again cannot mend.
HALTING = frozenset(
    {
        ExitCode.USAGE,
        ExitCode.SCHEMA_REFUSED,
        ExitCode.BAD_DATA,
        ExitCode.OFFSET_GONE,
        ExitCode.TOPIC_CHANGED,
        ExitCode.ACCESS_DENIED,
        ExitCode.BAD_SETUP,
        ExitCode.FENCED,
    }
)


class NextStep(enum.Enum):
    """What the supervisor does next with the partition."""

    HALT = enum.auto()  #: only a person starts it again
    STOP = enum.auto()  #: it was asked to drain, and its processes are gone
    RETRY = enum.auto()  #: it left for a passing trouble: started again soon, and not counted as a death
    RESTART = enum.auto()  #: it died: started again by the restart policy


@dataclass(frozen=True, slots=True)
class EndVerdict:
    """The next step, and what is reported of the end; None if there is nothing to report, or nothing but the death."""

    next_step: NextStep
    report: Ended | None = None


def verdict_on(end: GenerationEnd, partition: str, *, draining: bool) -> EndVerdict:
    """`draining`: the worker was asked for a clean end. `partition` is named in what is reported."""
    ended = end.ended
    if ended is not None and (ended.lasting or ended.code in HALTING):
        return EndVerdict(NextStep.HALT, ended)
    if draining:
        return EndVerdict(NextStep.STOP, _trouble_in_drain(end, partition))
    if ended is not None and ended.code == ExitCode.TEMPORARY:
        return EndVerdict(NextStep.RETRY, ended)
    return EndVerdict(NextStep.RESTART)


def _trouble_in_drain(end: GenerationEnd, partition: str) -> Ended | None:
    """A worker that died while it drained lost nothing; another run does what it had not committed."""
    ended = end.ended
    if not end.killed and (ended is None or ended.name == WORKER_DIED):
        if end.arrived:
            return None
        text = f"{partition}: {end.reason} while it drained; what it had not committed is still in Kafka"
        return Ended(ExitCode.TEMPORARY, WORKER_DIED, text)
    return ended if ended is not None and ended.code != ExitCode.DONE else None
