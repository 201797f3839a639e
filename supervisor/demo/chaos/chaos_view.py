"""How the report of `rtpipe chaos` looks to a person."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from supervisor.demo.chaos.chaos_report import ChaosReport


def print_report(report: ChaosReport) -> None:
    """Faults by kind with the seconds until recovery, then what was lost, doubled or altered."""
    facts = report.to_json()
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    titles = {"FAULT": "all", "TIMES": str(facts["faults"])}
    titles |= {"RECOVERY P50 s": f"{facts['recovery_p50']:.2f}", "P99 s": f"{facts['recovery_p99']:.2f}"}
    for title, footer in titles.items():
        table.add_column(title, footer=footer, justify="left" if title == "FAULT" else "right")
    for kind, times in sorted(facts["faults_by_kind"].items()):
        table.add_row(kind, str(times), f"{report.recovery(0.5, kind):.2f}", f"{report.recovery(0.99, kind):.2f}")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"\n{facts['faults']} faults, {facts['rows']:,} rows: {facts['lost']} lost, {facts['doubled']} doubled,"
        f" {facts['altered']} altered, {facts['orphans']} orphans   (seed {report.seed})",
        style="green" if report.ok else "bold red",
    )
