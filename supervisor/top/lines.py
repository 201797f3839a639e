"""What `rtpipe top` shows of partitions, as text; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rtpipe.clock import duration
from rtpipe.log import visible
from supervisor.status.facts.partition_status import PartitionStatus


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its cell, and what it is sorted by."""

    title: str
    cell: Callable[[PartitionStatus], str]
    order: Callable[[PartitionStatus], float]


def _number(value: float | None, form: str = ",.0f") -> str:
    return "-" if value is None else format(value, form)


#: Narrow enough for 80 columns, worst first where a column is sorted by.
COLUMNS = (
    Column("LAG", lambda p: _number(p.lag), lambda p: -(p.lag or 0)),
    Column("LAG S", lambda p: _number(p.lag_seconds), lambda p: -(p.lag_seconds or 0)),
    Column("ROWS/S", lambda p: _number(p.rows_per_second), lambda p: -(p.rows_per_second or 0)),
    Column("DEAD", lambda p: _number(p.dead), lambda p: -(p.dead or 0)),
    Column("RESTARTS", lambda p: _number(p.restarts), lambda p: -(p.restarts or 0)),
    Column("PHASE", lambda p: p.limiting_phase or "-", lambda p: -(p.phases.waiting if p.phases else 1)),
)
#: The worse, the smaller.
_CONDITIONS = ("held", "stuck", "late", "unknown", "paused", "throttled", "ok")


def wanted(partitions: Sequence[PartitionStatus], words: str, sort: int | None) -> list[PartitionStatus]:
    """Those that have all words of a filter in topic, number, state or condition; worst first, or by a column."""
    asked = words.casefold().split()
    found = [p for p in partitions if all(word in f"{p.key} {p.state} {p.condition}".casefold() for word in asked)]
    if sort is None:
        return sorted(found, key=lambda p: (_rank(p), p.state == "running", p.topic, p.partition))
    return sorted(found, key=COLUMNS[sort].order)


def _rank(p: PartitionStatus) -> int:
    return _CONDITIONS.index(p.condition) if p.condition in _CONDITIONS else 0


def cells(p: PartitionStatus) -> list[str]:
    """The row of a partition: where, state and condition, then the columns."""
    state = p.state if p.condition in {"ok", "", p.state} else f"{p.state}, {p.condition}"
    return [visible(p.key), visible(state), *(column.cell(p) for column in COLUMNS)]


def facts(p: PartitionStatus) -> Iterator[str]:
    """All about one partition: why it is as it is, its troubles and its deaths, the newest first."""
    for words in filter(None, (p.reason, p.condition_reason, p.warning)):
        yield visible(words)
    yield f"offset {_number(p.offset)} of {_number(p.end_offset)}, epoch {_number(p.epoch, '')}, {_caught_up(p)}"
    if p.phases is not None:
        shares: Mapping[str, float] = {name: getattr(p.phases, name) for name in p.phases.__slots__}
        yield "its writer's time: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    for death in p.deaths:
        where = "" if death.offset is None else f" at offset {death.offset:,}"
        yield f"{death.at}  died{where}: {visible(death.reason)}"
    for trouble in p.troubles:
        yield f"{trouble.at}  {visible(trouble.name)}  {visible(trouble.text)}"


def _caught_up(p: PartitionStatus) -> str:
    if p.lag == 0:
        return "nothing left"
    if p.caught_up_in is not None:
        return f"caught up in {duration(p.caught_up_in)}"
    if p.lag_per_second is not None and p.lag_per_second > 0:
        return f"falls behind by {p.lag_per_second:,.0f} messages a second"
    return "nobody can say when it is caught up"
