"""A page a partition: how it is, where its time goes, how it died, what went wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from nicegui import ui

from rtpipe.log import visible
from supervisor.page.everywhere import Placed
from supervisor.page.views.chart_row import ChartRow
from supervisor.page.views.charts import AGE, BATCH, LAG, MEMORY, ROWS
from supervisor.page.views.frame import Site, frame
from supervisor.page.views.messages.message_card import MessageCard
from supervisor.page.views.parts import Column, Numbers, Rows, VerdictBar, content
from supervisor.page.views.phase_bar import PhaseBar
from supervisor.page.views.steering import act_buttons
from supervisor.page.views.words import (
    UNKNOWN,
    caught_up,
    clock,
    condition_mark,
    milliseconds,
    number,
    seconds,
    size,
    state_mark,
    trend,
)
from supervisor.status.facts.partition_status import PartitionStatus

_DEATHS = (
    Column("at", "When (UTC)", left=True),
    Column("reason", "How", wrap=True),
    Column("offset", "Offset"),
    Column("epoch", "Epoch"),
    Column("stacks", "Stacks", left=True, wide=True),
)
_TROUBLES = (
    Column("at", "When (UTC)", left=True),
    Column("name", "Name", left=True),
    Column("text", "What", wrap=True),
)


def partition_page(site: Site, topic: str, partition: int, offset: int | None) -> None:
    """At `/partition/orders/0`; `offset`: of the message that is looked at first."""
    key, feed = f"{topic}/{partition}", site.feed
    with frame(site, "", key) as page:
        with ui.element("div").classes("crumbs"):
            ui.link("All topics", "/")
            ui.link(visible(topic), f"/topic/{quote(topic)}")
            ui.label(visible(key)).classes("title")
            condition, state = ui.label().classes("mark"), ui.label().classes("mark")
            act_buttons(site, key)
        gone = VerdictBar(feed)
        with content() as shown:
            where, why = ui.label().classes("hint"), ui.label().classes("verdict")
            numbers = Numbers(
                *(
                    "rows/s",
                    "lag",
                    "oldest message",
                    "trend",
                    "caught up in",
                    "last commit",
                    "offset",
                    "end",
                    "epoch",
                    "queue",
                ),
                *("dead letters", "restarts", "processes", "memory", "server", "round trip"),
                dense=True,
            )
            with ui.element("div").classes("content") as own:  # what only the host that has it knows
                with ui.element("section").classes("card"):
                    ui.label("Where the writer's time goes").classes("title")
                    phases = PhaseBar()
                charts = ChartRow(site, (ROWS, LAG, AGE, BATCH, MEMORY), topic, partition)
                with ui.element("section").classes("card"):
                    ui.label("Restarts").classes("title")
                    deaths = Rows(_DEATHS, "None since the supervisor started.")
                with ui.element("section").classes("card"):
                    ui.label("Troubles").classes("title")
                    troubles = Rows(_TROUBLES, "None since the supervisor started.")
            if site.may_act():
                MessageCard(site, key, offset)

        def update() -> None:
            status = feed.status
            placed = feed.everywhere.placed(status) if status else Placed((), {})
            p = next((one for one in placed.partitions if one.key == key), None)
            gone.show_trouble(f"The supervisor has no partition {visible(key)}" if status and p is None else "")
            if not shown.show(feed, there=p is not None) or p is None:
                return
            for label, mark in ((condition, condition_mark(p.condition)), (state, state_mark(p.state))):
                label.set_text(mark.text)
                label.classes(replace=f"mark {mark.tone}")
            other = placed.hosts.get(key)
            where.set_text(
                f"The host {visible(other)} has it: its own page says more, and has charts, restarts and troubles."
                if other
                else ""
            )
            where.set_visibility(bool(other))
            own.set_visibility(not other)
            text = reason_of(p)
            why.set_text(text)
            bad = condition_mark(p.condition).tone == "bad"
            why.classes(remove="trouble notice", add="trouble" if bad else "notice")
            why.set_visibility(bool(text))
            numbers.show(**values_of(p))
            phases.show(p)
            charts.show(feed.recent.of(key), [event for event in feed.events if event.is_about(topic, partition)])
            deaths.show(death_rows(p))
            troubles.show(trouble_rows(p))

        page.updates.append(update)


def reason_of(p: PartitionStatus) -> str:
    """Why it is not well, since when, and the way out; "" if it is well."""
    said = visible(p.reason or p.condition_reason or p.warning)
    if not said:
        return ""
    since = f" (for {seconds(round(p.condition_seconds))})" if p.condition != "ok" and p.condition_seconds else ""
    way = f" Repair the cause, then: rtpipe resume {visible(p.key)}" if p.condition == "held" else ""
    return said + since + way


def values_of(p: PartitionStatus) -> dict[str, str]:
    """By the labels of the numbers."""
    full = ", full: reading is stopped" if p.backpressure else ""
    pids = [str(pid) for pid in (p.pid, p.writer_pid) if pid is not None]
    return {
        "rows/s": number(p.rows_per_second),
        "lag": number(p.lag),
        "oldest message": seconds(p.lag_seconds),
        "trend": trend(p),
        "caught up in": caught_up(p),
        "last commit": f"{seconds(round(p.commit_age))} ago" if p.commit_age is not None else UNKNOWN,
        "offset": number(p.offset),
        "end": number(p.end_offset),
        "epoch": number(p.epoch),
        "queue": number(p.queue_depth) + full,
        "dead letters": number(p.dead),
        "restarts": number(p.restarts),
        "processes": " + ".join(pids) or UNKNOWN,
        "memory": size(p.memory_bytes),
        "server": visible(p.server.version) if p.server else UNKNOWN,
        "round trip": milliseconds(p.server.round_trip if p.server else None),
    }


def death_rows(p: PartitionStatus) -> list[dict[str, Any]]:
    """The newest first."""
    return [
        {
            "id": at,
            "at": clock(death.at),
            "reason": visible(death.reason),
            "offset": number(death.offset),
            "epoch": number(death.epoch),
            "stacks": "in the log" if death.has_stacks else "",
        }
        for at, death in enumerate(p.deaths)
    ]


def trouble_rows(p: PartitionStatus) -> list[dict[str, Any]]:
    """The newest first."""
    return [
        {"id": at, "at": clock(one.at), "name": visible(one.name), "text": visible(one.text)}
        for at, one in enumerate(p.troubles)
    ]
