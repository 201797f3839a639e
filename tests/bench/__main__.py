"""Interleaved rounds on one embedded stack: rtpipe, the plain loop, and LOAD DATA of the finished rows.

Every round checks that the tables hold exactly the rows of the topics. Figures drift with the machine; the ratios of
one run are the point. limit9 is LOAD DATA by nine connections with as many rows a COMMIT as rtpipe had; limit2 are two
connections with one file each.
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
from tests.bench.bench import PARTITIONS, ROOT, RTPIPE, TOPICS, Bench, Limit, Round
from tests.bench.processes import CLIENT

OTHERS = ("supervisor", "database", "broker")
Results = dict[str, list[Round]]
Limits = dict[str, list[Limit]]


def main() -> None:
    """Run the rounds and print medians and ratios."""
    options = _options()
    console = Console(highlight=False)
    topics = ",".join(TOPICS)
    rtpipe = [*RTPIPE, "supervise", "--topics", topics, "--log-format", "json"]
    competitors = {"rtpipe": rtpipe}
    if options.against:
        competitors["other"] = rtpipe
    if not options.no_loop:
        competitors["plain loop"] = [sys.executable, "-m", "tests.bench.plain_loop", topics, str(PARTITIONS)]
    roots = {"other": options.against.resolve()} if options.against else {}
    results: Results = {name: [] for name in competitors}
    limits: Limits = {"limit9": [], "limit2": []}
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name:
        stack = Path(name) / "stack"
        try:
            bench = Bench(Path(name), embedded_stack.up(stack, console=Console(stderr=True)), options.rows)
            console.print(f"filling 3 topics x {PARTITIONS} partitions with {bench.rows:,} messages")
            bench.fill()
            for number in range(options.rounds):
                for competitor, command in competitors.items():
                    at_rest = competitor != "plain loop" and number == 0
                    result = bench.run(command, at_rest=at_rest, root=roots.get(competitor, ROOT))
                    results[competitor].append(result)
                    console.print(f"round {number + 1}  {competitor:<10}  {result.steady:>9,.0f} rows/s steady")
                if not bench.lines:
                    bench.keep_rows()
                same = round(results["rtpipe"][-1].batch)
                for limit, (connections, rows) in {"limit9": (9, same), "limit2": (2, 0)}.items():
                    limits[limit].append(bench.load_data(connections, rows))
                    console.print(f"round {number + 1}  {limit:<10}  {limits[limit][-1].rate:>9,.0f} rows/s")
        finally:
            embedded_stack.down(stack, purge=True, console=Console(quiet=True))
    _print(console, results, limits, bench.rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--rows", type=int, default=900_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-loop", action="store_true", help="without the plain loop")
    parser.add_argument("--against", type=Path, help="another checkout of the project, run in turns with this one")
    return parser.parse_args()


def _print(console: Console, results: Results, limits: Limits, rows: int) -> None:
    rounds = len(results["rtpipe"])
    rates = Table(title=f"{rows:,} rows, medians of {rounds} interleaved rounds", box=None)
    for title in ("", "rows/s, 20-90 %", "of limit9", "of limit2", "from start", "rows a COMMIT"):
        rates.add_column(title, justify="right" if title else "left")
    bare = {name: [one.rate for one in found] for name, found in limits.items()}
    for name, found in results.items():
        steady = [one.steady for one in found]
        rates.add_row(
            name,
            f"{statistics.median(steady):,.0f}",
            f"{_ratio(steady, bare['limit9']):.2f}",
            f"{_ratio(steady, bare['limit2']):.2f}",
            f"{statistics.median(one.whole for one in found):,.0f}",
            f"{statistics.median(one.batch for one in found):,.0f}",
        )
    for name, rated in bare.items():
        rates.add_row(name, f"{statistics.median(rated):,.0f}")
    console.print(rates)
    console.print(_costs(results, limits))
    for name in results.keys() - {"rtpipe"}:
        ratio = _ratio([one.steady for one in results["rtpipe"]], [one.steady for one in results[name]])
        console.print(f"rtpipe against {name}: {ratio:.2f} of its rows/s (20-90 %), median of the pairs")


def _costs(results: Results, limits: Limits) -> Table:
    costs = Table(title="CPU microseconds a row, 20-90 %; MB (PSS)", box=None)
    for title in ("", "consumer", "writer", "client", *OTHERS, "start incl.", "MB loaded", "MB a partition, rest"):
        costs.add_column(title, justify="right" if title else "left")
    for name, found in results.items():
        loop = name == "plain loop"  # its one process is the first of its tree
        micros = {kind: statistics.median(one.micros.get(kind, 0.0) for one in found) for kind in (*CLIENT, *OTHERS)}
        client = statistics.median(
            one.micros["supervisor"] if loop else sum(one.micros.get(kind, 0.0) for kind in CLIENT) for one in found
        )
        costs.add_row(
            name,
            *("" if loop else f"{micros[kind]:.2f}" for kind in CLIENT),
            f"{client:.2f}",
            *("" if loop and kind == "supervisor" else f"{micros[kind]:.2f}" for kind in OTHERS),
            f"{statistics.median(one.cpu for one in found):.1f}",
            f"{statistics.median(one.loaded for one in found):,.0f}",
            f"{found[0].memory / len(TOPICS) / PARTITIONS:.1f}" if found[0].memory else "",
        )
    for name, rated in limits.items():
        costs.add_row(name, *[""] * 4, f"{statistics.median(one.micros for one in rated):.2f}")
    return costs


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
