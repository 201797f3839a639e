"""How the answer of `rtpipe verify` looks to a person, and to a program (`--json`)."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from supervisor.verify.outcome.report import Difference, PartitionReport, TopicReport, VerifyReport

#: A narrow terminal wraps lines by itself; numbers and names are never cut.
_AS_WIDE_AS_IT_IS = 1_000


_SCHEMA_VERSION = 1  # of `--json`: raised when a key changes its meaning or goes away


def as_json(report: VerifyReport) -> dict[str, Any]:
    """The answer with keys that stay."""
    return {
        "schema_version": _SCHEMA_VERSION,
        "ok": report.ok,
        "dead_letters": report.dead_letters,
        "values": report.values,
        "seconds": round(report.seconds, 3),
        "topics": [_topic_json(topic) for topic in report.topics],
    }


def _topic_json(topic: TopicReport) -> dict[str, Any]:
    return {
        "topic": topic.topic,
        "table": topic.table,
        "group": topic.group,
        "ok": topic.ok,
        "lag": topic.lag,
        "rows_total": topic.rows_total,
        "rows_in_table": topic.rows_in_table,
        "dead_letters": topic.dead_letters,
        "messages_read": topic.messages_read,
        "partitions": [_partition_json(partition) for partition in topic.partitions],
        "difference_counts": {str(kind): count for kind, count in topic.counts.items()},
        "differences": [_difference_json(difference) for difference in topic.differences],
        "notes": list(topic.notes),
    }


def _partition_json(partition: PartitionReport) -> dict[str, Any]:
    return {
        "partition": partition.partition,
        "low_watermark": partition.low,
        "high_watermark": partition.high,
        "stored_offset": partition.stored,
        "lag": partition.lag,
        "rows_total": partition.rows_total,
        "dead_total": partition.dead_total,
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    """Every key, None where it does not apply."""
    return {
        "kind": str(difference.kind),
        "topic": difference.topic,
        "partition": difference.partition,
        "offset": difference.offset,
        "column": difference.column,
        "expected": difference.expected,
        "found": difference.found,
        "text": difference.text,
    }


def print_report(report: VerifyReport) -> None:
    """A line for each topic, every listed difference, the verdict."""
    console = Console(highlight=False, soft_wrap=True, width=_AS_WIDE_AS_IT_IS)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("TOPIC", "TABLE", "LAG", "COUNTED", "ROWS", "DEAD LETTERS", "COMPARED", ""):
        table.add_column(title, justify="left" if title in {"TOPIC", "TABLE", ""} else "right", no_wrap=True)
    for topic in report.topics:
        compared = "-" if topic.messages_read is None else f"{topic.messages_read:,}"
        numbers = (topic.lag, topic.rows_total, topic.rows_in_table, topic.dead_letters)
        table.add_row(topic.topic, topic.table, *(f"{number:,}" for number in numbers), compared, _verdict(topic))
    console.print(table)
    for topic in report.topics:
        _print_findings(console, topic)
    console.print(_conclusion(report))


def _verdict(topic: TopicReport) -> Text:
    """Never just "equal" where messages are no rows."""
    if not topic.ok:
        return Text("differs", style="bold red")
    if topic.dead_letters:
        return Text(
            f"{_letters(topic.dead_letters)}, {topic.rows_in_table:,} row{_s(topic.rows_in_table)}", style="yellow"
        )
    return Text("equal", style="green")


def _conclusion(report: VerifyReport) -> Text:
    total = sum(sum(topic.counts.values()) for topic in report.topics)
    if not report.ok:
        parts, style = [f"{total:,} difference{_s(total)}"], "bold red"
    else:
        how = "every value of every row is equal" if report.values else "counts and offsets agree"
        nothing = report.dead_letters and not any(topic.rows_in_table for topic in report.topics)
        parts, style = ["all consumed, " + ("there are no rows" if nothing else how)], "green"
    if report.dead_letters:
        parts.append(f"{_letters(report.dead_letters)} instead of rows (rtpipe dead-letters list)")
        style = "yellow" if report.ok else style
    if report.ok and not report.values:
        parts.append("--values compares every row")
    return Text(f"\n{'; '.join(parts)} ({report.seconds:.1f} s)", style=style)


def _letters(number: int) -> str:
    return f"{number:,} dead letter{_s(number)}"


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def _print_findings(console: Console, topic: TopicReport) -> None:
    for note in topic.notes:
        console.print(Text(f"{topic.topic}: {note}", style="yellow"))
    for difference in topic.differences:
        console.print(Text.assemble((f"{difference.kind:<13}", "red"), difference.text))
    for kind, count in topic.counts.items():
        listed = sum(difference.kind is kind for difference in topic.differences)
        if count > listed:
            console.print(Text(f"{kind:<13}and {count - listed:,} more in {topic.topic} (see --limit)", style="dim"))
