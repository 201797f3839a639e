"""The hosts that share the partitions: who they are, when they were heard of, what they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from rtpipe.log import visible
from supervisor.hosts.host_said import HostSaid
from supervisor.page.feed import Feed
from supervisor.page.recent import together
from supervisor.page.views.parts import Column, Rows, cell
from supervisor.page.views.words import Mark, number, seconds
from supervisor.status.facts.pipeline_status import PipelineStatus

_COLUMNS = (
    Column("name", "Host", left=True),
    Column("heard", "Heard of", left=True, wrap=True),
    Column("running", "Run"),
    Column("rate", "Rows/s", wide=True),
    Column("lag", "Lag"),
    Column("age", "Oldest", wide=True),
    Column("owner", "Supervisor", left=True, wide=True),
)


class HostTable:
    """Nothing at all where partitions are not shared."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._rows: Rows | None = None
        if feed.everywhere.host:
            with ui.element("section").classes("card"):
                ui.label("Hosts that share the partitions").classes("title")
                self._rows = Rows(_COLUMNS, "")

    def show(self, own: PipelineStatus) -> None:
        """`own`: of this host."""
        if self._rows is not None:
            self._rows.show(host_rows(self._feed.everywhere.host, own, self._feed.everywhere.others))


def host_rows(this: str, own: PipelineStatus, others: Sequence[HostSaid]) -> list[dict[str, Any]]:
    """Our own first. What a silent one said is not so now: it has no numbers."""
    rows = [_row(this, Mark("●", "this one", "good"), "", own)]
    for host in others:
        mark = Mark("■", host.heard, "bad") if host.is_silent else Mark("●", host.heard, "good")
        rows.append(_row(host.instance_id, mark, host.owner, None if host.is_silent else host.status))
    return rows


def _row(name: str, heard: Mark, owner: str, status: PipelineStatus | None) -> dict[str, Any]:
    partitions = status.partitions if status else ()
    now = together(partitions, 0.0)
    running = f"{sum(p.state == 'running' for p in partitions)} of {len(partitions)}"
    return {
        "id": name,
        "name": visible(name),
        **cell("heard", heard),
        "running": running if status else "-",
        "rate": number(now.rows_per_second if status else None),
        "lag": number(now.lag if status else None),
        "age": seconds(now.lag_seconds),
        "owner": visible(owner),
    }
