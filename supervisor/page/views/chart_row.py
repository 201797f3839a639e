"""Several charts of one thing, over a span that whoever looks has chosen: the last minutes, or hours of history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nicegui import ui

from supervisor.control.event_ring import Event
from supervisor.page.past import Look
from supervisor.page.recent import Point
from supervisor.page.views.charts import AGE, LAG, ROWS, Chart, Curve, last_minutes
from supervisor.page.views.frame import Site

#: Seconds of history, and their words; 0: the last minutes, as they come.
SPANS = {0: "10 min", 3_600: "1 h", 21_600: "6 h", 86_400: "24 h", 604_800: "7 d"}
#: Curves that the history has, too.
_KEPT = (ROWS, LAG, AGE)
#: Seconds between two looks whether the history has another minute.
_LOOK_EVERY = 15.0


class SpanChoice:
    """The buttons, and what was found; `changed` shows it."""

    def __init__(self, site: Site, topic: str | None = None, partition: int | None = None) -> None:
        self._site, self._topic, self._partition = site, topic, partition
        self.look: Look | None = None  #: None: the last minutes
        with ui.element("div").classes("filter"):
            self._choice = ui.toggle(SPANS, value=0, on_change=self._look).props("dense no-caps unelevated")
            self._choice.classes("spans").props('aria-label="How much is shown"')
            self._said = ui.label().classes("hint").props('role="status" aria-live="polite"')
        ui.timer(_LOOK_EVERY, self._look, immediate=False)

    async def _look(self) -> None:
        seconds = int(self._choice.value or 0)
        found = await self._site.past.look(seconds, self._topic, self._partition) if seconds else None
        if seconds == int(self._choice.value or 0):  # else another span was chosen meanwhile
            self.look = found
            self._said.set_text(_words(found))


def _words(look: Look | None) -> str:
    if look is None:
        return ""
    return look.trouble or ("" if look.points else "Nothing was noted in this time.")


class ChartRow:
    """Of all partitions, or of one."""

    def __init__(
        self, site: Site, curves: Sequence[Curve], topic: str | None = None, partition: int | None = None
    ) -> None:
        self._choice = SpanChoice(site, topic, partition)
        with ui.element("section").classes("two"):
            self._charts = {curve: Chart(curve) for curve in curves}

    def show(self, recent: Sequence[Point], events: Iterable[Event]) -> None:
        """The last minutes as they are, unless more was chosen."""
        look = self._choice.look
        if look is None:
            span, newest = last_minutes(recent), list(events)
            for chart in self._charts.values():
                chart.show(recent, span, newest)
            return
        for curve, chart in self._charts.items():
            if curve in _KEPT:
                chart.show(look.points, (look.begin, look.end), look.events)
            else:
                chart.hide()
