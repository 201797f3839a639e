"""A status as a table for a given width: worst first, sums below, then the reasons in full. Opens no terminal."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rtpipe.log import visible
from supervisor.status.facts.condition import Condition
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import SCHEMA_VERSION, PipelineStatus, own_version
from supervisor.status.kafka_outage import some_of

#: Worst first. A state of another version comes before running ones.
_STYLE = {
    "halted": "bold red",
    "quarantined": "bold red",
    "backoff": "yellow",
    "waiting": "yellow",
    "starting": "yellow",
    "paused": "yellow",
    "stopping": "yellow",
    "running": "green",
    "stopped": "dim",
}
_RANK = {state: rank for rank, state in enumerate(_STYLE)}
#: Worst first. One of another version comes before those that are well.
_CONDITION_STYLE = {
    Condition.HELD.value: "bold red",
    Condition.STUCK.value: "bold red",
    Condition.LATE.value: "yellow",
    Condition.UNKNOWN.value: "yellow",
    Condition.PAUSED.value: "yellow",
    Condition.THROTTLED.value: "yellow",
    Condition.OK.value: "green",
}
_CONDITION_RANK = {condition: rank for rank, condition in enumerate(_CONDITION_STYLE)}
#: Conditions of which the state does not tell already, and its reason neither.
_TOLD_APART = frozenset({Condition.STUCK.value, Condition.LATE.value, Condition.THROTTLED.value})
_GAP = 2
#: Seconds for which the table shows a death, though the partition runs again.
_RECENT = 300
_HAS_PROCESSES = {"running", "starting", "waiting", "stopping"}
#: Characters of a topic's name that are kept in one line.
_LONG_NAME = 24
#: Lines of a terminal that the rows leave free: titles, sums, summary, what is left out.
_FRAME = 5


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[PartitionStatus], str]
    total: Callable[[Sequence[PartitionStatus]], str] = lambda _: ""
    left: bool = False
    style: Callable[[PartitionStatus], str] = lambda _: ""


def _sum_of(values: Sequence[float | None], form: str = ",") -> str:
    """The sum of what is known; `+ ?` where something is not."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return f"{sum(known):{form}} + ?" if known else "-"
    return format(sum(known), form)


def _number(value: float | None, form: str = ",") -> str:
    return "-" if value is None else format(value, form)


def _megabytes(value: int | None) -> str:
    return "-" if value is None else f"{value / 1e6:.0f}"


def _condition(p: PartitionStatus) -> str:
    return visible(p.condition) or "-"


def _oldest(partitions: Sequence[PartitionStatus]) -> str:
    """The largest lag in seconds that is known; `+ ?` where one is not."""
    known = [p.lag_seconds for p in partitions if p.lag_seconds is not None]
    if not known:
        return "-"
    return f"{max(known):,.0f}" + (" + ?" if len(known) < len(partitions) else "")


def _queue(p: PartitionStatus) -> str:
    return _number(p.queue_depth) + (" full" if p.backpressure else "")


_COLUMNS = (
    _Column("TOPIC", lambda p: visible(p.topic), lambda _: "total", left=True),
    _Column("PART", lambda p: "-" if p.partition < 0 else str(p.partition)),
    _Column("STATE", lambda p: visible(p.state), left=True, style=lambda p: _STYLE.get(p.state, "yellow")),
    _Column("CONDITION", _condition, left=True, style=lambda p: _CONDITION_STYLE.get(p.condition, "yellow")),
    _Column("PID", lambda p: _number(p.pid, "")),
    _Column("KAFKA", lambda p: _number(p.end_offset)),
    _Column("DATABASE", lambda p: _number(p.offset)),
    _Column("LAG", lambda p: _number(p.lag), lambda ps: _sum_of([p.lag for p in ps])),
    _Column("LAG S", lambda p: _number(p.lag_seconds, ",.0f"), _oldest),
    _Column(
        "ROWS/S",
        lambda p: _number(p.rows_per_second, ",.0f"),
        lambda ps: _sum_of([p.rows_per_second for p in ps], ",.0f"),
    ),
    _Column("QUEUE", _queue, style=lambda p: "yellow" if p.backpressure else ""),
    _Column(
        "DEAD",
        lambda p: _number(p.dead),
        lambda ps: _sum_of([p.dead for p in ps]),
        style=lambda p: "yellow" if p.dead else "",
    ),
    _Column("ALTERED", lambda p: _number(p.altered), lambda ps: _sum_of([p.altered for p in ps])),
    _Column("RESTARTS", lambda p: _number(p.restarts), lambda ps: _sum_of([p.restarts for p in ps])),
    _Column(
        "MEM MB", lambda p: _megabytes(p.memory_bytes), lambda ps: _megabytes(sum(p.memory_bytes or 0 for p in ps))
    ),
    _Column("CPU %", lambda p: _number(p.cpu_percent, ".0f"), lambda ps: f"{sum(p.cpu_percent or 0 for p in ps):.0f}"),
)
#: The columns that are left out where there is no room, in this order; the others never are.
_DROPPED = ("PID", "CPU %", "MEM MB", "RESTARTS", "QUEUE", "DATABASE", "KAFKA", "LAG S", "ALTERED", "DEAD")


def status_picture(status: PipelineStatus, width: int, height: int | None = None) -> RenderableType:
    """Everything about one supervisor, for a terminal of `width`; of so many lines only if a `height` is given."""
    reasons = list(_reasons(status.partitions))
    used = sum(1 + len(textwrap.wrap(reason, max(8, width - _GAP))) for _, reason in reasons)
    rows, hidden = _worst_first(status.partitions, None if height is None else max(3, height - _FRAME - used))
    parts: list[RenderableType] = [_table(status.partitions, rows, width)]
    if hidden:
        parts.append(Text(f"and {len(hidden)} more: {_states(hidden)}", style="dim"))
    parts.append(Text(summary_words(status), style="bold"))
    for who, reason in reasons:
        parts.append(Text(f"{who}:"))
        parts.append(Padding(Text(reason, style="red", overflow="fold"), (0, 0, 0, _GAP), expand=False))
    parts += [Text(visible(note), style="yellow", overflow="fold") for note in status.notes]
    if status.schema_version != SCHEMA_VERSION:
        parts.append(Text(_of_another_version(status), style="yellow"))
    return Group(*parts)


def _worst_first(
    partitions: Sequence[PartitionStatus], most: int | None
) -> tuple[list[PartitionStatus], list[PartitionStatus]]:
    """The rows in their order, and those that there is no room for: of those that are well, the least behind."""
    ranked = sorted(partitions, key=_rank)
    if most is None or len(ranked) <= most:
        return ranked, []
    ranked.sort(key=lambda p: (*_rank(p), -(p.lag or 0)))
    return ranked[:most], ranked[most:]


def _rank(p: PartitionStatus) -> tuple[int, int]:
    """The lower, the worse: one that is stuck or late is no better than one that waits, whatever its processes do."""
    state = _RANK.get(p.state, _RANK["starting"])
    if p.condition in {Condition.STUCK.value, Condition.LATE.value}:
        state = min(state, _RANK["waiting"])
    return state, _CONDITION_RANK.get(p.condition, _CONDITION_RANK[Condition.THROTTLED.value])


def _table(partitions: Sequence[PartitionStatus], rows: Sequence[PartitionStatus], width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    columns = _fitting(partitions, width)
    narrow = _needed(columns, partitions) > width
    for column in columns:
        table.add_column(
            column.title,
            justify="left" if column.left else "right",
            footer=column.total(partitions),
            overflow="fold",
            no_wrap=column.title != "TOPIC" and not narrow,  # as a last resort lines break; they are never cut
        )
    for row in rows:
        table.add_row(*(Text(column.cell(row), style=column.style(row)) for column in columns))
    return table


def _fitting(partitions: Sequence[PartitionStatus], width: int) -> list[_Column]:
    """The columns that there is room for."""
    idle = {"DEAD"} if not any(p.dead for p in partitions) else set[str]()
    idle |= {"ALTERED"} if not any(p.altered for p in partitions) else set()
    idle |= {"CONDITION"} if not any(p.condition in _TOLD_APART for p in partitions) else set()
    idle |= {"LAG S"} if all(p.lag_seconds is None for p in partitions) else set()
    columns = [column for column in _COLUMNS if column.title not in idle]
    for dropped in _DROPPED:
        if _needed(columns, partitions) <= width:
            break
        columns = [column for column in columns if column.title != dropped]
    return columns


def _needed(columns: Sequence[_Column], partitions: Sequence[PartitionStatus]) -> int:
    """The width of a line; long names of topics may break."""
    widths = []
    for column in columns:
        width = max(map(len, (column.title, column.total(partitions), *map(column.cell, partitions))))
        widths.append(min(width, _LONG_NAME) if column.title == "TOPIC" else width)
    return sum(widths) + _GAP * (len(columns) - 1)


def summary_words(status: PipelineStatus) -> str:
    """`7 of 9 running, 1 halted, 1 waiting; lag of 1 not known; draining`."""
    running = sum(p.state == "running" for p in status.partitions)
    words = f"{running} of {len(status.partitions)} running"
    if others := _states([p for p in status.partitions if p.state != "running"]):
        words += f", {others}"
    if unknown := sum(p.lag is None for p in status.partitions):
        words += f"; lag of {unknown} not known"
    ends = all(p.state in {"stopped", "halted"} for p in status.partitions)
    return words + ("; draining" if status.draining and not ends else "")


def _states(partitions: Sequence[PartitionStatus]) -> str:
    """`1 halted, 2 waiting`, worst first."""
    counted = Counter(p.state for p in _worst_first(partitions, None)[0])
    return ", ".join(f"{count} {visible(state)}" for state, count in counted.items())


def _reasons(partitions: Sequence[PartitionStatus]) -> list[tuple[str, str]]:
    """Who is in which state, and why, runs with a warning, or died a short time ago: each reason once."""
    groups = defaultdict(list)
    for p in _worst_first(partitions, None)[0]:
        if p.reason:
            groups[visible(p.state), visible(p.reason)].append(visible(p.key))
        if p.condition in _TOLD_APART:
            groups[visible(p.condition), visible(p.condition_reason)].append(visible(p.key))
        if p.warning:
            groups[f"{visible(p.state)}, with a warning", visible(p.warning)].append(visible(p.key))
        if p.last_death and p.state in _HAS_PROCESSES and (p.last_death_age or 0) < _RECENT:
            groups[f"{visible(p.state)} again; why it died", visible(p.last_death)].append(visible(p.key))
    return [(f"{some_of(names)} {state}", reason) for (state, reason), names in groups.items()]


def _of_another_version(status: PipelineStatus) -> str:
    version = f"rtpipe {visible(status.version)}" if status.version else "of another version"
    theirs = "?" if status.schema_version is None else status.schema_version
    return (
        f"The supervisor (pid {_number(status.supervisor_pid, '')}) is {version}, and this command is rtpipe"
        f" {own_version()}: status version {theirs}, not {SCHEMA_VERSION}. What it does not say is shown as -."
    )
