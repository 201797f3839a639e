"""How the answer of `rtpipe verify` looks to a person."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from supervisor.verify_report import TopicReport, VerifyReport


def print_report(report: VerifyReport) -> None:
    """A line for each topic, every listed difference, the verdict."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("TOPIC", "TABLE", "LAG", "ROWS COUNTED", "ROWS IN TABLE", "MESSAGES COMPARED", ""):
        table.add_column(title, justify="left" if title in {"TOPIC", "TABLE", ""} else "right")
    for topic in report.topics:
        compared = "-" if topic.messages_read is None else f"{topic.messages_read:,}"
        verdict = Text("equal", style="green") if topic.ok else Text("differs", style="bold red")
        numbers = (f"{topic.lag:,}", f"{topic.rows_total:,}", f"{topic.rows_in_table:,}", compared)
        table.add_row(topic.topic, topic.table, *numbers, verdict)
    console.print(table)
    for topic in report.topics:
        _print_findings(console, topic)
    if report.ok:
        how = "every value is equal" if report.values else "counts and offsets agree; --values compares every row"
        console.print(Text(f"\nall consumed, {how} ({report.seconds:.1f} s)", style="green"))
    else:
        total = sum(sum(topic.counts.values()) for topic in report.topics)
        console.print(Text(f"\n{total:,} differences ({report.seconds:.1f} s)", style="bold red"))


def _print_findings(console: Console, topic: TopicReport) -> None:
    for note in topic.notes:
        console.print(Text(f"{topic.topic}: {note}", style="yellow"))
    for difference in topic.differences:
        console.print(Text.assemble((f"{difference.kind:<13}", "red"), difference.text))
    for kind, count in topic.counts.items():
        listed = sum(difference.kind is kind for difference in topic.differences)
        if count > listed:
            console.print(Text(f"{kind:<13}and {count - listed:,} more in {topic.topic} (see --limit)", style="dim"))
