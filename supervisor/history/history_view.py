"""The history as text: a line an event, and a table of minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtpipe.log import visible
from supervisor.control.event_ring import Event
from supervisor.history.minute_figures import MinuteFigures

_LEVELS = {"warning": "WARN", "critical": "FATAL"}


def event_line(event: Event) -> str:
    """`2026-11-29 03:12:07 WARN  orders/0     worker_died  …`; the text is as in the log."""
    at = event.at.replace("T", " ").partition(".")[0]
    level = _LEVELS.get(event.level, event.level.upper())
    where = event.partition or str(event.more.get("topic", "-"))
    return f"{at} {level:<5} {visible(where):<12} {event.event}  {visible(event.text)}"


def minute_lines(minutes: Iterable[MinuteFigures]) -> Iterator[str]:
    """A title, then a line for each partition and minute."""
    yield f"{'MINUTE':<17}{'PARTITION':<16}{'ROWS':>10}{'DEAD':>7}{'LAG':>12}{'LAG S':>8}{'BUSY %':>8}  STATE"
    for one in minutes:
        at = one.at.replace("T", " ")[:16]
        where = visible(f"{one.topic}/{one.partition}")
        lag = "-" if one.lag is None else f"{one.lag:,}"
        seconds = "-" if one.lag_seconds is None else f"{one.lag_seconds:,.0f}"
        busy = "-" if one.busy is None else f"{100 * one.busy:.0f}"
        state = one.state + ("" if one.condition in {"ok", ""} else f", {one.condition}")
        yield f"{at:<17}{where:<16}{one.rows:>10,}{one.dead:>7,}{lag:>12}{seconds:>8}{busy:>8}  {visible(state)}"
