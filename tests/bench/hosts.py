"""Rows per second of one supervisor that has all partitions, and of two that share them on this machine, in turns.

Both begin when every partition runs and has written a little: until then a limit holds. So what is compared is the
steady part, and not how long a group takes to spread partitions.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from infra.stack import embedded_stack
from supervisor.bench.figures import Run, ratio, run_of
from supervisor.bench.processes import Watched
from supervisor.bench.watch import watch
from supervisor.control.control_socket import ask_all
from tests.bench.bench import RTPIPE, Bench
from tests.bench.cases import Case, prepare

#: Rows a second of a topic until all partitions run, and how long that may take.
_HELD_BACK, _LONGEST = 300, 60.0
_SESSION = "6"


class Together(Watched):
    """The processes of several supervisors, counted as one run's."""

    def __init__(self, each: Sequence[Watched]) -> None:
        self.process = each[0].process
        self._each = each

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by kind."""
        total: Counter[str] = Counter()
        for one in self._each:
            total.update(one.cpu())
        return dict(total)


class Turn:
    """One run, with so many supervisors."""

    def __init__(self, bench: Bench, case: Case, count: int) -> None:
        self._bench = bench
        self._case = case
        self._homes = [bench.directory / f"{count}-{number}" for number in range(count)]
        self._rtpipe = [*RTPIPE, "supervise", "--topics", ",".join(case.topics), "--log-format", "json"]

    def run(self, rows: int, seconds: float) -> Run:
        """The figures between two shares of the rows."""
        self._bench.empty(self._case.topics)
        with contextlib.ExitStack() as running:
            each: list[Watched] = []
            for home in self._homes:
                process = running.enter_context(self._bench.process(self._rtpipe, self._variables(home)))
                each.append(Watched(process, {} if each else self._bench.services))
            self._wait_until_all_run()
            commits, began = self._bench.commits(), time.monotonic()
            for home in self._homes:
                ask_all(home / "run", "limit", where=self._case.topics, rows_per_second=0)
            points = watch(Together(each), self._bench.consumed, rows=rows, began=began, seconds=seconds)
            commits = self._bench.commits() - commits
        return run_of(points, rows_a_commit=points[-1].rows / max(commits, 1))

    def _variables(self, home: Path) -> dict[str, str]:
        shared = {"RTPIPE_MEMBERSHIP": "kafka", "RTPIPE_INSTANCE_ID": home.name, "RTPIPE_SESSION_SECONDS": _SESSION}
        return {
            "RTPIPE_RUNTIME_DIR": str(home / "run"),
            "RTPIPE_STATE_DIR": str(home / "state"),
            "RTPIPE_DEFAULTS": json.dumps(self._case.settings | {"max_rows_per_second": _HELD_BACK}),
            **(shared if len(self._homes) > 1 else {}),
        }

    def _wait_until_all_run(self) -> None:
        """Each on one supervisor alone, and all supervisors with about as many."""
        deadline = time.monotonic() + _LONGEST
        while not self._all_run():
            if time.monotonic() > deadline:
                raise SystemExit(f"after {_LONGEST:.0f} s not all partitions run")
            time.sleep(0.2)

    def _all_run(self) -> bool:
        shares = []
        for home in self._homes:
            found = [one for reply in ask_all(home / "run", "status") for one in reply["partitions"]]
            shares.append([one for one in found if one["state"] == "running" and one["rows"]])
        counts = [len(share) for share in shares]
        return sum(counts) == self._case.partitions and max(counts) - min(counts) <= 1


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hosts", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_400_000, help="messages over all topics")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30, help="at most, of a run after its first row")
    options = parser.parse_args()
    console, case = Console(highlight=False), Case()
    with _bench() as bench:
        prepare(bench, case, options.rows, set())
        rows = case.rows(options.rows)
        runs: dict[int, list[Run]] = {1: [], 2: []}
        for pair in range(options.pairs):
            for count in (1, 2) if pair % 2 else (2, 1):  # whoever comes second finds warm caches
                runs[count].append(run := Turn(bench, case, count).run(rows, options.seconds))
                console.print(f"  pair {pair + 1}  {count} supervisors {run.steady:>9,.0f} rows/s  {_spent(run)}")
    one, two = ([run.steady for run in runs[count]] for count in (1, 2))
    each = ", ".join(f"{of_two / of_one:.3f}" for of_one, of_two in zip(one, two, strict=True))
    console.print(f"one: {statistics.median(one):,.0f} rows/s, two: {statistics.median(two):,.0f} rows/s (medians)")
    console.print(f"two against one: {ratio(two, one):.3f} (median of the pairs {each})")


def _spent(run: Run) -> str:
    micros = ", ".join(f"{kind} {spent:.2f}" for kind, spent in run.micros.items())
    return f"µs of CPU a row: {micros}; {run.busy:.2f} cores busy, {run.rows_a_commit:,.0f} rows a COMMIT"


@contextlib.contextmanager
def _bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name, contextlib.ExitStack() as stacked:
        directory = Path(name)
        stacked.callback(embedded_stack.down, directory / "stack", purge=True, console=Console(quiet=True))
        yield Bench(directory, embedded_stack.up(directory / "stack", console=Console(stderr=True)))


if __name__ == "__main__":
    main()
