"""How the findings of `rtpipe bench` look, to a person and as JSON."""

from __future__ import annotations

import statistics
from typing import Any

from rich.console import Console
from rich.table import Table

from supervisor.bench.figures import ratio
from supervisor.bench.user_bench import Findings

_KINDS = ("consumer", "writer", "supervisor", "database", "broker")


def as_json(found: Findings) -> dict[str, Any]:
    """Stable keys; medians of the rounds."""
    kinds = [kind for kind in _KINDS if any(run.micros.get(kind) for run in found.runs)]
    return {
        "schema_version": 1,
        "topic": found.topic or None,
        "server": found.server,
        "partitions": found.partitions,
        "messages": found.messages,
        "rounds": len(found.runs),
        "rows_per_second": round(statistics.median(run.steady for run in found.runs)),
        "rows_per_second_from_start": round(statistics.median(run.cold for run in found.runs)),
        "bare_rows_per_second": round(statistics.median(bare.rate for bare in found.bares)),
        "bare_statement": "LOAD DATA" if found.loads else "INSERT",
        "ratio": round(ratio([run.steady for run in found.runs], [bare.rate for bare in found.bares]), 3),
        "rows_a_commit": round(statistics.median(run.rows_a_commit for run in found.runs)),
        "cpu_microseconds_a_row": {
            kind: round(statistics.median(run.micros.get(kind, 0.0) for run in found.runs), 2) for kind in kinds
        },
        "memory_mb": round(statistics.median(run.memory for run in found.runs)),
        "limited_by": found.limited_by,
    }


def print_findings(found: Findings) -> None:
    """A table of the rates, and what they mean."""
    facts = as_json(found)
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for title in ("ROWS/S", "FROM START", "ROWS A COMMIT", "MEM MB"):
        table.add_column(title, justify="right")
    own = ("rows_per_second", "rows_per_second_from_start", "rows_a_commit", "memory_mb")
    table.add_row("rtpipe", *(f"{facts[name]:,}" for name in own))
    table.add_row(f"bare {facts['bare_statement']}", f"{facts['bare_rows_per_second']:,}")
    console.print(table)
    micros = ", ".join(f"{kind} {spent}" for kind, spent in facts["cpu_microseconds_a_row"].items())
    console.print(
        f"\nratio        {facts['ratio']:.2f} of what this database takes from {found.partitions} connections"
    )
    console.print(f"limited by   {found.limited_by}", soft_wrap=True)
    console.print(f"CPU          microseconds a row: {micros}", soft_wrap=True)
