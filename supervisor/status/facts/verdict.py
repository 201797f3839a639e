"""One sentence about a whole run: what is wrong, since when, what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rtpipe.clock import duration
from rtpipe.log import visible
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus

Level = Literal["well", "notice", "trouble"]
_NAMED = 2  #: partitions that the sentence names


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst that holds."""

    level: Level
    what: str
    why: str = ""
    since: float | None = None  #: seconds, of the one that is worst for longest
    do: str = ""
    also: str = ""  #: what else is not well, shortly

    @property
    def sentence(self) -> str:
        """All of it on one line."""
        said = self.what + (f" for {duration(self.since)}" if self.since is not None else "")
        said += f": {self.why}" if self.why else ""
        said = said.rstrip(".") + "."
        return " ".join(
            filter(None, (said, f"{self.do}." if self.do else "", f"Also {self.also}." if self.also else ""))
        )


@dataclass(frozen=True, slots=True)
class _Kind:
    """A way of not being well; those that come first are worse."""

    words: str
    level: Level
    holds: Callable[[PartitionStatus], bool]
    why: Callable[[PartitionStatus], str]
    since: Callable[[PartitionStatus], float | None]
    do: str = ""  #: `{key}` is the first partition


def _condition(name: str, words: str, level: Level, do: str = "") -> _Kind:
    return _Kind(
        words,
        level,
        lambda p: p.condition == name,
        lambda p: p.reason or p.condition_reason,
        lambda p: p.condition_seconds,
        do,
    )


def _state(words: str, level: Level, *names: str, do: str = "") -> _Kind:
    return _Kind(words, level, lambda p: p.state in names, lambda p: p.reason, lambda p: p.state_seconds, do)


_KINDS = (
    _condition("held", "held", "trouble", "Repair the cause, then: rtpipe resume {key}"),
    _condition("stuck", "stuck", "trouble", "Look for locks in the database: SHOW PROCESSLIST"),
    _state("waiting", "trouble", "waiting", do="It goes on by itself once that answers; look with: rtpipe doctor"),
    _state("down", "trouble", "backoff", do="It is started again by itself"),
    _condition("late", "late", "trouble"),
    _state("starting", "notice", "starting"),
    _condition("unknown", "not known to be up to date", "notice", "If that stays: rtpipe doctor"),
    _condition("throttled", "slowed down on purpose", "notice"),
    _condition("paused", "paused", "notice", "Go on with: rtpipe resume {key}"),
    _state("stopping", "notice", "stopping"),
    _state("stopped", "notice", "stopped"),
)


def verdict(status: PipelineStatus) -> Verdict:
    """Of what a supervisor says."""
    partitions = status.partitions
    if not any(p.partition >= 0 for p in partitions):
        why = next((p.reason for p in partitions if p.reason), "; ".join(status.notes))
        return Verdict("notice", "No partition has been known", visible(why), status.uptime_seconds)
    left = list(partitions)
    found: list[tuple[_Kind, list[PartitionStatus]]] = []
    for kind in _KINDS:
        if members := [p for p in left if kind.holds(p)]:
            found.append((kind, members))
            left = [p for p in left if not kind.holds(p)]
    if not found:
        return _well(status)
    (worst, members), *others = found
    first = max(members, key=lambda p: worst.since(p) or 0.0)
    since, alone = worst.since(first), len(members) == 1
    verb = ("is" if alone else "are") if since is None else ("has been" if alone else "have been")
    return Verdict(
        worst.level,
        f"{_names(members, len(partitions))} {verb} {worst.words}",
        visible(worst.why(first)),
        since,
        worst.do.format(key=visible(first.key)),
        ", ".join([*(f"{len(more)} {kind.words}" for kind, more in others), *map(visible, status.notes)]),
    )


def silent(seconds: float | None) -> Verdict:
    """Of a supervisor that has not answered for so long; None: it never has."""
    do = "Look at its log; start one with: rtpipe supervise --topics …"
    return Verdict(
        "trouble", "The supervisor has not answered" if seconds else "No supervisor answers", "", seconds, do
    )


def _well(status: PipelineStatus) -> Verdict:
    number = len(status.partitions)
    what = f"All {number} partitions run" if number > 1 else f"{visible(status.partitions[0].key)} runs"
    dead = sum(p.dead or 0 for p in status.partitions)
    letters = f"{dead:,} dead letters since the start: rtpipe dead-letters list" if dead else ""
    also = ", ".join([*filter(None, [letters]), *map(visible, status.notes)])
    return Verdict("notice" if status.notes else "well", f"{what}, and all data is on time", also=also)


def _names(members: Sequence[PartitionStatus], of_all: int) -> str:
    """`dataset1/0`, `dataset1/0 and dataset2/1`, `7 of 12 partitions (dataset1/0 …)`."""
    if len(members) <= _NAMED:
        return " and ".join(visible(p.key) for p in members)
    return f"{len(members)} of {of_all} partitions ({visible(members[0].key)} …)"
