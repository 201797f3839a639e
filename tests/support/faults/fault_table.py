"""The table of all faults: printed at the end of `make faults`, and written to docs/guarantees.md if asked to.

`--fault-table FILE` names the file; what stands there between the two marks is replaced. The hooks are those of
tests/crash/conftest.py. A run in which anything failed has no table: the failed test would be missing in it.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults.tally import TALLY

BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"
HEAD = (
    "| fault | what comes of it | times | rows compared | lost | doubled | next commit after, median | longest |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|\n"
)
NO_TABLE = "No table: something failed in this run, and what failed would be missing in it.\n"
#: Of one run of a test: node id, first line of its docstring, hits, rows, lost, doubled, recoveries.
Counted = tuple[str, str, int, int, int, int, Sequence[float]]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Count for one test; one that ran to its end without any fault having hit proves nothing, and fails."""
    TALLY.clear()
    result = yield
    assert TALLY.hits, "no fault hit: it was asked for at most, and nothing shows that it happened"
    story = (pyfuncitem.function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    story = re.sub(r"^F\d+(, F\d+)*: ", "", story)
    counts = (story, TALLY.hits, TALLY.rows, TALLY.lost, TALLY.doubled, TALLY.recoveries)
    pyfuncitem.user_properties.append(("faults", counts))  # which reach the process that writes the table
    return result


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    """Print the table of a run without a failure, and write it where it is wanted."""
    passed = terminalreporter.stats.get("passed", [])
    runs = [(one.nodeid, *counts) for one in passed for name, counts in one.user_properties if name == "faults"]
    if not runs:
        return
    terminalreporter.section("faults")
    if exitstatus != pytest.ExitCode.OK:
        terminalreporter.write(NO_TABLE)
        return
    table = table_of(runs)
    terminalreporter.write(table)
    if target := config.getoption("--fault-table"):
        path = Path(target)
        text = path.read_text()
        path.write_text(text[: text.index(BEGIN) + len(BEGIN)] + table + text[text.index(END) :])


def table_of(runs: Sequence[Counted]) -> str:
    """Markdown; one line a test function, whatever its parameters and however often it ran, and all together."""
    by_test: dict[tuple[str, str, str], list[Counted]] = defaultdict(list)
    for run in runs:
        file, _, function = run[0].partition("::")
        by_test[Path(file).name, function.partition("[")[0], run[1]].append(run)
    lines = [
        f"| [{function.removeprefix('test_').replace('_', ' ')}](../tests/crash/{file}) | {story} | {_cells(done)} |\n"
        for (file, function, story), done in sorted(by_test.items())
    ]
    hits, rows, lost, doubled = _sums(runs)
    times = _times(runs) or [0.0]
    together = (
        f"\nTogether: {hits} faults, {rows:,} rows compared, {lost} lost, {doubled} doubled;"
        f" the next commit after {statistics.median(times):.1f} s (median of {len(times)}),"
        f" {times[round(0.99 * (len(times) - 1))]:.1f} s (99th percentile).\n"
    )
    return HEAD + "".join(lines) + together


def _cells(runs: Sequence[Counted]) -> str:
    """From "times" on. A test that compares no rows one by one says in its story what it looks at."""
    hits, rows, lost, doubled = _sums(runs)
    times = _times(runs)
    compared = f"{rows:,} | {lost} | {doubled}" if rows else " |  | "
    return f"{hits} | {compared} | " + (f"{statistics.median(times):.1f} s | {times[-1]:.1f} s" if times else " | ")


def _sums(runs: Sequence[Counted]) -> tuple[int, int, int, int]:
    """Hits, rows, lost, doubled."""
    return (
        sum(run[2] for run in runs),
        sum(run[3] for run in runs),
        sum(run[4] for run in runs),
        sum(run[5] for run in runs),
    )


def _times(runs: Sequence[Counted]) -> list[float]:
    return sorted(seconds for run in runs for seconds in run[6])
