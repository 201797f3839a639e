"""Charts of the last minutes: what ECharts is given; pure but for the elements themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from supervisor.control.event_ring import Event
from supervisor.page.past import moment
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
_MOST_MARKS = 60
_SPAN, _SHORTEST = 600.0, 60.0  #: seconds of the last minutes that are shown: at most, and at least
#: Seconds from which on the axis has no seconds, and from which on it has days.
_LONG, _DAYS = 240.0, 86_400.0
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
        self._shown: tuple[Any, ...] = ()
        with ui.element("div").classes("card") as self._card:
            ui.label(curve.title).classes("title")
            self._chart = ui.echart(options_of(curve, [], (0, 0), []), renderer="svg").classes("chart")

    def show(self, points: Sequence[Point], span: tuple[float, float], events: Iterable[Event]) -> None:
        """Points oldest first; `span`: from when until when, in seconds since 1970. Only what is new is sent."""
        found = marks(span, events)
        shown = (span, len(points), found)
        if shown != self._shown:
            self._shown = shown
            self._chart.options.update(options_of(self._curve, points, span, found))
        self._card.set_visibility(True)

    def hide(self) -> None:
        """There is nothing that it could show."""
        self._card.set_visibility(False)


def last_minutes(points: Sequence[Point]) -> tuple[float, float]:
    """The span of points that are kept as they come."""
    if not points:
        return 0.0, 0.0
    end = points[-1].at
    return max(end - _SPAN, min(points[0].at, end - _SHORTEST)), end


def options_of(
    curve: Curve, points: Sequence[Point], span: tuple[float, float], marked: list[dict[str, Any]]
) -> dict[str, Any]:
    """For ECharts. A point that is not known is a gap."""
    begin, end = span
    label = {"color": _GREY, "fontSize": 11}
    line: dict[str, Any] = {
        "type": "line",
        "encode": {"x": "at", "y": "value"},
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
    # Two lists of numbers: a list for each point would cost the page's process twenty times as much.
    source = {"at": [round(point.at * 1_000) for point in points], "value": [curve.value(point) for point in points]}
    return {
        "dataset": {"source": source},
        "grid": {"left": 8, "right": 22, "top": 22, "bottom": 4, "containLabel": True},
        "xAxis": {
            "type": "time",
            "min": round(begin * 1_000),
            "max": round(end * 1_000),
            "splitNumber": 4,
            "axisLabel": label | {"hideOverlap": True, "formatter": _clock(end - begin)},
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


def _clock(seconds: float) -> str:
    if seconds > _DAYS:
        return "{MM}-{dd} {HH}:{mm}"
    return "{HH}:{mm}" if seconds > _LONG else "{HH}:{mm}:{ss}"


def marks(span: tuple[float, float], events: Iterable[Event]) -> list[dict[str, Any]]:
    """A dashed line where something began or ended."""
    first, last = span
    found = [(moment(event.at), MARKED[event.event]) for event in events if event.event in MARKED]
    inside = [(at, word) for at, word in found if first <= at <= last][-_MOST_MARKS:]
    room = _APART * max(last - first, _SHORTEST)
    before = [float("-inf"), *(at for at, _ in inside)]
    return [
        {"xAxis": round(at * 1_000), "name": word if at - earlier > room else ""}
        for (at, word), earlier in zip(inside, before, strict=False)
    ]
