"""Interleaved rounds on one embedded stack: rtpipe with and without its extra, what people write by hand, and the bare
database. Figures drift with the machine; the ratios of one run are the point.

limit9 are nine connections that write finished rows and commit as many at once as rtpipe did; limit2 are two that
commit all of theirs at once. Rows that are updated by key go by INSERT there, all others by LOAD DATA.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.stack import embedded_stack
from tests.bench import chart, document, report
from tests.bench.bench import Bench
from tests.bench.cases import MODES, SERVERS, Case, on_server, prepare, suite
from tests.bench.competitors import LIMITS, Competitor, bare, competitors, limit
from tests.bench.peers import Peer, peers_in
from tests.bench.report import Result
from tests.bench.shapes import SHAPES


def main() -> None:
    """Measure, and after each case print, write and draw what came out."""
    options = _options()
    console = Console(highlight=False)
    known: dict[str, Any] | None = None
    if options.json and options.json.exists():
        known = json.loads(options.json.read_text())
    results: list[Result] = []
    for result in measure(_cases(options), options, console):
        results.append(result)
        report.show(console, result)
        facts = report.beside(known, report.to_json(results), [case.name for case in suite()])
        if options.json:
            options.json.write_text(json.dumps(facts, indent=2) + "\n")
        if options.chart:
            options.chart.write_text(chart.svg(facts))
        if options.document:
            document.replace(options.document, facts)


def _cases(options: argparse.Namespace) -> Sequence[Case]:
    if not options.suite:
        return [Case(options.shape, options.mode, options.server, options.partitions)]
    return [case for case in suite() if any(word in case.name for word in options.only)]


def measure(cases: Sequence[Case], options: argparse.Namespace, console: Console) -> Iterator[Result]:
    """Every case, on one stack; what was written after each stays if a later one fails."""
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name, contextlib.ExitStack() as stacked:
        directory = Path(name)
        quiet = Console(quiet=True)
        stacked.callback(embedded_stack.down, directory / "stack", purge=True, console=quiet)
        addresses = embedded_stack.up(directory / "stack", console=Console(stderr=True))
        benches: dict[str, Bench] = {}
        filled: set[str] = set()
        for case in cases:
            if case.server not in benches:
                benches[case.server] = Bench(directory, stacked.enter_context(on_server(case.server, addresses)))
            console.print(f"{case.name}: {case.rows(options.rows):,} messages")
            produced = prepare(benches[case.server], case, case.rows(options.rows), filled)
            result = _rounds(benches[case.server], case, options, console)
            result.produced = produced
            yield result


def _rounds(bench: Bench, case: Case, options: argparse.Namespace, console: Console) -> Result:
    """All that are measured take turns."""
    rows = case.rows(options.rows)
    result = Result(case, rows, str(bench.sql("SELECT VERSION()")))
    everybody: list[Competitor | Peer] = [*competitors(bench.directory, case, options.against)]
    everybody += peers_in(options.peers, bench, case) if options.peers else []
    database = None
    for number in range(options.rounds):
        for competitor in everybody:
            run = competitor.run(bench, case, rows, options.seconds)
            result.runs.setdefault(competitor.name, []).append(run)
            console.print(f"  round {number + 1}  {competitor.name:<14} {run.steady:>9,.0f} rows/s")
            if competitor.name == "rtpipe" and database is None:
                database = bare(bench, case, rows)
        assert database is not None
        result.loads = database.loads
        for name in LIMITS:
            found = limit(database, bench, name, result.runs["rtpipe"][-1].rows_a_commit)
            result.limits.setdefault(name, []).append(found)
            console.print(f"  round {number + 1}  {name:<14} {found.rate:>9,.0f} rows/s")
    return result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="seed")
    parser.add_argument("--mode", choices=MODES, default="insert")
    parser.add_argument("--server", choices=SERVERS, default="mariadb")
    parser.add_argument("--partitions", type=int, choices=(1, 3, 9, 36), default=9)
    parser.add_argument("--suite", action="store_true", help="the usual case, and one for each of the other choices")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORDS", help="of the suite, the cases in whose names one of them is"
    )
    parser.add_argument("--rows", type=int, help="messages over all topics; default: by the shape")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12, help="at most, of a run after its first row")
    parser.add_argument("--against", type=Path, help="another checkout of the project, run in turns with this one")
    parser.add_argument("--peers", type=Path, help="a folder of peer_NAME.sh: other programs, run in turns")
    parser.add_argument(
        "--json", type=Path, help="write all figures to this file; cases that are in it and were not measured now stay"
    )
    parser.add_argument("--chart", type=Path, help="draw them into this file, as SVG")
    parser.add_argument("--document", type=Path, help="replace the generated part of this Markdown file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
