"""What happened: the newest events of the supervisor's log, the newest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nicegui import ui

from rtpipe.log import visible
from supervisor.control.event_ring import Event
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
        table = Rows(_COLUMNS, "Nothing yet.")
        ui.label("The last days: rtpipe history --since 03:00").classes("hint")
        page.updates.append(lambda: table.show(event_rows(site.feed.events)))


def event_rows(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The newest first."""
    newest = list(events)[: -_SHOWN - 1 : -1]
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
