"""What two statuses, a minute apart, say of the minute between them; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus


@dataclass(frozen=True, slots=True)
class MinuteFigures:
    """One partition in one minute."""

    at: str  #: when it ended: RFC 3339, UTC
    topic: str
    partition: int
    rows: int  #: committed in it
    dead: int  #: dead letters committed in it
    lag: int | None  #: messages, at its end
    lag_seconds: float | None
    state: str
    condition: str
    busy: float | None  #: share of its writer's time that was not spent waiting for messages, at its end


@dataclass(frozen=True, slots=True)
class MinuteSum:
    """Several partitions together in one minute."""

    at: str  #: when it ended
    rows: int
    lag: int | None  #: None if that of one is not known
    lag_seconds: float | None  #: the oldest message of all


def figures_of(at: str, before: PipelineStatus | None, now: PipelineStatus) -> Iterator[MinuteFigures]:
    """Of the partitions of which there is something to say: at rest, with nothing left, there is not."""
    same_run = before is not None and before.supervisor_pid == now.supervisor_pid
    known = {(p.topic, p.partition): p for p in before.partitions} if before is not None and same_run else {}
    for partition in now.partitions:
        was = known.get((partition.topic, partition.partition))
        figures = _of_one(at, was, partition)
        if figures.rows or figures.dead or partition.lag != 0 or partition.condition != "ok" or was is None:
            yield figures


def _of_one(at: str, was: PartitionStatus | None, now: PartitionStatus) -> MinuteFigures:
    if was and (now.rows or 0) < (was.rows or 0):  # given up and taken again meanwhile: it counts from zero
        was = None
    return MinuteFigures(
        at=at,
        topic=now.topic,
        partition=now.partition,
        rows=(now.rows or 0) - (was.rows or 0 if was else 0),
        dead=(now.dead or 0) - (was.dead or 0 if was else 0),
        lag=now.lag,
        lag_seconds=now.lag_seconds,
        state=now.state,
        condition=now.condition,
        busy=None if now.phases is None else round(1 - now.phases.waiting, 3),
    )
