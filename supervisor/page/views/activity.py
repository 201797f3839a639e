"""What happened: the newest events of the supervisor's log, or those of the last hours and days, the newest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nicegui import ui

from rtpipe.log import visible
from supervisor.control.event_ring import Event
from supervisor.page.views.chart_row import SpanChoice
from supervisor.page.views.frame import Site, frame
from supervisor.page.views.parts import Column, Rows
from supervisor.page.views.words import Mark, clock

_SHOWN = 200
_MARKS = {
    "info": Mark("·", "info", "calm"),
    "warning": Mark("▲", "warning", "warn"),
    "error": Mark("■", "error", "bad"),
}
_COLUMNS = (
    Column("at", "When (UTC)", left=True),
    Column("level", "Level", left=True, wide=True),
    Column("partition", "Partition", left=True),
    Column("name", "Event", left=True, wide=True),
    Column("text", "What", wrap=True),
)


def activity_page(site: Site) -> None:
    """At `/activity`."""
    with frame(site, "/activity", "Activity") as page, ui.element("section").classes("card"):
        ui.label("What happened").classes("title")
        with ui.element("div").classes("filter"):
            choice = SpanChoice(site)
            words = ui.input(placeholder="only with …").props("dense borderless clearable").classes("select")
        table = Rows(_COLUMNS, "Nothing like that.")

        def update() -> None:
            events = choice.look.events if choice.look else site.feed.events
            table.show(event_rows(events, str(words.value or "")))

        page.updates.append(update)


def event_rows(events: Iterable[Event], only: str = "") -> list[dict[str, Any]]:
    """The newest first; `only`: those in whose partition, name or text this is."""
    wanted = only.strip().lower()
    found = [one for one in events if wanted in f"{one.partition} {one.event} {one.text}".lower()]
    newest = found[: -_SHOWN - 1 : -1]
    return [
        {
            "id": f"{event.at} {event.number}",
            "at": clock(event.at),
            "level": (mark := _MARKS.get(event.level, _MARKS["info"])).text,
            "level_tone": mark.tone,
            "partition": visible(event.partition),
            "name": event.event,
            "text": visible(event.text),
        }
        for event in newest
    ]
