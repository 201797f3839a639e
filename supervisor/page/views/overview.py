"""The first page: the verdict, how fast it goes, and all topics."""

from __future__ import annotations

from nicegui import ui

from supervisor.page.recent import together
from supervisor.page.views.chart_row import ChartRow
from supervisor.page.views.charts import LAG, ROWS
from supervisor.page.views.frame import Site, frame
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
            charts = ChartRow(site, (ROWS, LAG))
            with ui.element("section").classes("card"):
                table = PartitionTable("No topic is known yet.", folding=True)

        def update() -> None:
            bar.show()
            if not shown.show(feed) or feed.status is None:
                return
            partitions = feed.status.partitions
            now = together(partitions, 0.0)
            numbers.show(
                **{"rows/s": number(now.rows_per_second), "oldest message": seconds(now.lag_seconds)},
                lag=number(now.lag),
                partitions_running=f"{sum(p.state == 'running' for p in partitions)} of {len(partitions)}",
                dead_letters=number(total([p.dead for p in partitions])),
                restarts=number(total([p.restarts for p in partitions])),
            )
            charts.show(feed.recent.of_all(), feed.events)
            table.show(partitions)

        page.updates.append(update)
