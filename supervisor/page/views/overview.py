"""The first page: the verdict, how fast it goes, and all topics."""

from __future__ import annotations

from nicegui import ui

from rtpipe.log import visible
from supervisor.page.recent import together
from supervisor.page.views.chart_row import ChartRow
from supervisor.page.views.charts import LAG, ROWS
from supervisor.page.views.frame import Site, frame
from supervisor.page.views.host_table import HostTable
from supervisor.page.views.partition_table import PartitionTable, total
from supervisor.page.views.parts import Numbers, VerdictBar, content
from supervisor.page.views.words import number, seconds


def overview(site: Site) -> None:
    """At `/`."""
    feed = site.feed
    with frame(site, "/", "Overview") as page:
        bar = VerdictBar(feed)
        with content() as shown:
            numbers = Numbers("rows/s", "lag", "oldest message", "partitions running", "dead letters", "restarts")
            if here := feed.everywhere.host:
                ui.label(f"Charts and history are those of this host, {visible(here)}.").classes("hint")
            charts = ChartRow(site, (ROWS, LAG))
            hosts = HostTable(feed)
            with ui.element("section").classes("card"):
                table = PartitionTable("No topic is known yet.", folding=True, here=here)

        def update() -> None:
            bar.show()
            if not shown.show(feed) or feed.status is None:
                return
            placed = feed.everywhere.placed(feed.status)
            partitions = placed.partitions
            now = together(partitions, 0.0)
            numbers.show(
                **{"rows/s": number(now.rows_per_second), "oldest message": seconds(now.lag_seconds)},
                lag=number(now.lag),
                partitions_running=f"{sum(p.state == 'running' for p in partitions)} of {len(partitions)}",
                dead_letters=number(total([p.dead for p in partitions])),
                restarts=number(total([p.restarts for p in partitions])),
            )
            charts.show(feed.recent.of_all(), feed.events)
            hosts.show(feed.status)
            table.show(partitions, placed.hosts)

        page.updates.append(update)
