"""A page a topic: its partitions, its table, its schemas, what was done to the table for them."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from rtpipe.log import visible
from supervisor.page.everywhere import Placed
from supervisor.page.views.frame import Site, frame
from supervisor.page.views.partition_table import PartitionTable, total
from supervisor.page.views.parts import Column, Numbers, Rows, VerdictBar, content
from supervisor.page.views.steering import act_buttons, limit_button
from supervisor.page.views.words import Mark, clock, number, seconds
from supervisor.status.facts.topic_status import TopicStatus

_CHANGES = (
    Column("at", "When (UTC)", left=True),
    Column("done", "Done", left=True),
    Column("schema_id", "Schema id"),
    Column("sql", "What", wrap=True),
)


def topic_page(site: Site, topic: str) -> None:
    """At `/topic/orders`."""
    feed = site.feed
    with frame(site, "", topic) as page:
        with ui.element("div").classes("crumbs"):
            ui.link("All topics", "/")
            ui.label(visible(topic)).classes("title")
            act_buttons(site, topic)
            limit_button(site, topic)
        gone = VerdictBar(feed)
        with content() as shown:
            numbers = Numbers(
                "rows/s", "lag", "oldest message", "dead letters", "table", "schema ids", "limit", "late after"
            )
            with ui.element("section").classes("card"):
                table = PartitionTable("Its partitions are not known yet.", folding=False, here=feed.everywhere.host)
            with ui.element("section").classes("card"):
                ui.label("Changes of the table").classes("title")
                changes = Rows(_CHANGES, "None since the supervisor started.")

        def update() -> None:
            status = feed.status
            known = next((one for one in status.topics if one.topic == topic), None) if status else None
            placed = feed.everywhere.placed(status) if status else Placed((), {})
            partitions = [p for p in placed.partitions if p.topic == topic]
            gone.show_trouble(f"The supervisor has no topic {visible(topic)}" if status and not partitions else "")
            if not shown.show(feed, there=bool(partitions)):
                return
            table.show(partitions, placed.hosts)
            ages = [p.lag_seconds for p in partitions if p.lag_seconds is not None]
            numbers.show(
                **{"rows/s": number(total([p.rows_per_second for p in partitions]))},
                lag=number(total([p.lag for p in partitions])),
                oldest_message=seconds(max(ages, default=None)),
                dead_letters=number(total([p.dead for p in partitions])),
            )
            if known is not None:
                numbers.show(**values_of(known))
                changes.show(change_rows(known))

        page.updates.append(update)


def values_of(known: TopicStatus) -> dict[str, str]:
    """By the labels of the numbers: what this host's supervisor knows of a topic that it serves."""
    return {
        "table": visible(known.table),
        "schema_ids": ", ".join(map(str, known.schema_ids)) or "none yet",
        "limit": "none" if known.row_limit is None else f"{known.row_limit:g} rows/s",
        "late_after": seconds(known.late_after),
    }


def change_rows(topic: TopicStatus) -> list[dict[str, Any]]:
    """The newest first."""
    rows = []
    for at, change in enumerate(topic.changes):
        mark = Mark("●", "done", "good") if change.done else Mark("■", "a person must", "bad")
        rows.append(
            {
                "id": at,
                "at": clock(change.at),
                "done": mark.text,
                "done_tone": mark.tone,
                "schema_id": number(change.schema_id),
                "sql": visible(" — ".join(filter(None, (change.sql, change.why_not)))),
            }
        )
    return rows
