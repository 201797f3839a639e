"""Charts of the last minutes: what ECharts is given; pure but for the elements themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nicegui import ui

from supervisor.control.event_ring import Event
from supervisor.page.recent import Point

#: Readable on light and on dark.
_GREY, _LINE, _ACCENT = "#8a949e", "rgba(138,148,158,0.22)", "#4a8fd6"
#: Events that a chart has a mark for: something started, died, changed or was stopped by a person.
MARKED = {
    "worker_claimed": "start",
    "worker_died": "died",
    "worker_stuck": "stuck",
    "worker_halted": "held",
    "worker_quarantined": "held",
    "table_altered": "table",
    "partition_paused": "paused",
    "partition_resumed": "resumed",
    "partition_restarted": "restart",
}
_MOST_MARKS = 12
_SPAN, _SHORTEST = 600.0, 60.0  #: seconds that are shown: at most, and at least
_LONG = 240.0  #: seconds: of a shorter time the axis also has seconds
_APART = 0.05  #: of the width: of marks that are closer only the first has room for its word


@dataclass(frozen=True, slots=True)
class Curve:
    """One number over time."""

    title: str
    unit: str
    value: Callable[[Point], float | None]


ROWS = Curve("Rows per second", "", lambda point: point.rows_per_second)
LAG = Curve("Lag in messages", "", lambda point: point.lag)
AGE = Curve("Oldest message that is not in the table", " s", lambda point: point.lag_seconds)
BATCH = Curve(
    "Time of a batch", " ms", lambda point: None if point.batch_seconds is None else round(point.batch_seconds * 1e3, 1)
)
MEMORY = Curve(
    "Memory", " MB", lambda point: None if point.memory_bytes is None else round(point.memory_bytes / 1024**2, 1)
)


class Chart:
    """Draws a curve; `show` gives it what there is now."""

    def __init__(self, curve: Curve) -> None:
        self._curve = curve
        with ui.element("div").classes("card"):
            ui.label(curve.title).classes("title")
            self._chart = ui.echart(options_of(curve, [], []), renderer="svg").classes("chart")

    def show(self, points: Sequence[Point], events: Iterable[Event]) -> None:
        """Points oldest first."""
        self._chart.options.update(options_of(self._curve, points, marks(points, events)))


def options_of(curve: Curve, points: Sequence[Point], marked: list[dict[str, Any]]) -> dict[str, Any]:
    """For ECharts. A point that is not known is a gap."""
    end = points[-1].at if points else 0.0
    begin = max(end - _SPAN, min(points[0].at, end - _SHORTEST)) if points else 0.0
    label = {"color": _GREY, "fontSize": 11}
    line: dict[str, Any] = {
        "type": "line",
        "data": [[round(point.at * 1_000), curve.value(point)] for point in points],
        "showSymbol": False,
        "animation": False,
        "lineStyle": {"width": 1.6, "color": _ACCENT},
        "itemStyle": {"color": _ACCENT},
        "areaStyle": {"color": _ACCENT, "opacity": 0.10},
        "connectNulls": curve is BATCH,
        "markLine": {
            "silent": True,
            "symbol": "none",
            "animation": False,
            "lineStyle": {"color": _GREY, "type": "dashed", "width": 1},
            "label": {"color": _GREY, "fontSize": 10, "formatter": "{b}", "position": "end"},
            "data": marked,
        },
    }
    return {
        "grid": {"left": 8, "right": 22, "top": 22, "bottom": 4, "containLabel": True},
        "xAxis": {
            "type": "time",
            "min": round(begin * 1_000),
            "max": round(end * 1_000),
            "splitNumber": 4,
            "axisLabel": label
            | {"hideOverlap": True, "formatter": "{HH}:{mm}" if end - begin > _LONG else "{HH}:{mm}:{ss}"},
            "axisLine": {"lineStyle": {"color": _LINE}},
            "axisTick": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "splitNumber": 3,
            "axisLabel": label | {"formatter": "{value}" + curve.unit},
            "splitLine": {"lineStyle": {"color": _LINE}},
        },
        "tooltip": {"trigger": "axis", "confine": True, "animation": False, "transitionDuration": 0},
        "series": [line],
    }


def marks(points: Sequence[Point], events: Iterable[Event]) -> list[dict[str, Any]]:
    """A dashed line where something began or ended."""
    if not points:
        return []
    first = max(points[0].at, points[-1].at - _SPAN)
    found = [(moment(event.at), MARKED[event.event]) for event in events if event.event in MARKED]
    inside = [(at, word) for at, word in found if first <= at <= points[-1].at][-_MOST_MARKS:]
    room = _APART * max(points[-1].at - first, _SHORTEST)
    before = [float("-inf"), *(at for at, _ in inside)]
    return [
        {"xAxis": round(at * 1_000), "name": word if at - last > room else ""}
        for (at, word), last in zip(inside, before, strict=False)
    ]


def moment(at: str) -> float:
    """Seconds since 1970 of RFC 3339; 0 of anything else."""
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return 0.0
