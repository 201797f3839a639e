"""Interleaved rounds on one embedded stack: rtpipe, the plain loop, and LOAD DATA of the finished rows.

Every round checks that the tables hold exactly the rows of the topics. Figures drift with the machine; the ratios of
one run are the point.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.stack import embedded_stack
from tests.bench.bench import PARTITIONS, ROOT, RTPIPE, TOPICS, Bench, Round


def main() -> None:
    """Run the rounds and print medians and ratios."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--rows", type=int, default=900_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout of the project, run in turns with this one")
    options = parser.parse_args()
    console = Console(highlight=False)
    topics = ",".join(TOPICS)
    competitors = {
        "rtpipe": [*RTPIPE, "supervise", "--topics", topics, "--log-format", "json"],
        "plain loop": [sys.executable, "-m", "tests.bench.plain_loop", topics, str(PARTITIONS)],
    }
    roots = {}
    if options.against:
        competitors = {"rtpipe": competitors["rtpipe"], "other": competitors["rtpipe"], **competitors}
        roots["other"] = options.against.resolve()
    results: dict[str, list[Round]] = {name: [] for name in competitors}
    bare = []
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name:
        stack = Path(name) / "stack"
        try:
            bench = Bench(Path(name), embedded_stack.up(stack, console=Console(stderr=True)), options.rows)
            console.print(f"filling 3 topics x {PARTITIONS} partitions with {bench.rows:,} messages")
            bench.fill()
            for number in range(options.rounds):
                for competitor, command in competitors.items():
                    result = bench.run(command, at_rest=competitor != "plain loop", root=roots.get(competitor, ROOT))
                    results[competitor].append(result)
                    console.print(f"round {number + 1}  {competitor:<10}  {result.steady:>9,.0f} rows/s steady")
                bare.append(bench.load_data())
                console.print(f"round {number + 1}  LOAD DATA   {bare[-1]:>9,.0f} rows/s")
        finally:
            embedded_stack.down(stack, purge=True, console=Console(quiet=True))
    _print_table(console, results, statistics.median(bare), bench.rows)


def _print_table(console: Console, results: dict[str, list[Round]], bare: float, rows: int) -> None:
    def middle(name: str, value: str) -> float:
        return float(statistics.median(getattr(one, value) for one in results[name]))

    table = Table(title=f"{rows:,} rows, medians of {len(results['rtpipe'])} interleaved rounds", box=None)
    for title in ("", "rows/s, 20-90 %", "ratio", "rows/s from start", "ratio", "CPU s per M rows"):
        table.add_column(title, justify="right" if title else "left")
    for name in results:
        ratios = (
            middle(name, "steady") / middle("plain loop", "steady"),
            middle(name, "whole") / middle("plain loop", "whole"),
        )
        table.add_row(
            name,
            f"{middle(name, 'steady'):,.0f}",
            f"{ratios[0]:.2f}",
            f"{middle(name, 'whole'):,.0f}",
            f"{ratios[1]:.2f}",
            f"{middle(name, 'cpu'):.1f}",
        )
    table.add_row("LOAD DATA", f"{bare:,.0f}", f"{bare / middle('plain loop', 'steady'):.2f}", "", "", "")
    console.print(table)
    for name in set(results) - {"plain loop"}:
        per_partition = middle(name, "memory") / (len(TOPICS) * PARTITIONS)
        console.print(f"{name} at rest: {per_partition:.1f} MB (PSS) a partition, consumer and writer together")
    if "other" in results:
        pairs = zip(results["rtpipe"], results["other"], strict=True)
        ratio = statistics.median(ours.steady / theirs.steady for ours, theirs in pairs)
        console.print(f"rtpipe against other: {ratio:.2f} of its rows/s (20-90 %), median of the pairs")


if __name__ == "__main__":
    main()
