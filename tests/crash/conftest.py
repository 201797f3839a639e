"""The table of all faults: printed at the end of `make faults`, and written to docs/guarantees.md if asked to.

`--fault-table FILE` names the file; what stands there between the two marks is replaced.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tally import TALLY

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"
HEAD = (
    "| fault | what comes of it | times | rows compared | lost | doubled | next commit after, median | longest |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|\n"
)


@pytest.fixture(autouse=True)
def _counted(request: pytest.FixtureRequest) -> Iterator[None]:
    TALLY.clear()
    yield
    story = (getattr(request.function, "__doc__", None) or "").strip().partition("\n")[0].rstrip(".")
    story = re.sub(r"^F\d+(, F\d+)*: ", "", story)
    request.node.user_properties.append(("faults", (story, TALLY.rows, TALLY.hits, TALLY.recoveries)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    stats = terminalreporter.stats
    failed = {report.nodeid for report in stats.get("failed", []) + stats.get("error", [])}
    ended = [one for one in stats.get("", []) if one.when == "teardown" and one.nodeid not in failed]
    table = table_of([(one.nodeid, *facts) for one in ended for name, facts in one.user_properties if name == "faults"])
    if not table:
        return
    terminalreporter.section("faults")
    terminalreporter.write(table)
    if target := terminalreporter.config.getoption("--fault-table"):
        path = Path(target)
        text = path.read_text()
        path.write_text(text[: text.index(BEGIN) + len(BEGIN)] + table + text[text.index(END) :])


def table_of(runs: list[tuple[str, str, int, int, list[float]]]) -> str:
    """Markdown; one line a test function, whatever its parameters and however often it ran, and all together.

    Lost and doubled are 0 in each: a test fails at the first row that is one or the other, and is then left out.
    """
    by_test: dict[tuple[str, str, str], list[tuple[int, int, list[float]]]] = defaultdict(list)
    for nodeid, story, rows, hits, recoveries in runs:
        file, _, function = nodeid.partition("::")
        by_test[Path(file).name, function.partition("[")[0], story].append((rows, hits, recoveries))
    lines, all_hits, all_times = [], 0, list[float]()
    for (file, function, story), done in sorted(by_test.items()):
        rows = sum(count for count, _, _ in done)
        hits = sum(count for _, count, _ in done)
        times = [seconds for _, _, recoveries in done for seconds in recoveries]
        middle, longest = (f"{statistics.median(times):.1f} s", f"{max(times):.1f} s") if times else ("", "")
        link = f"[{function.removeprefix('test_').replace('_', ' ')}](../tests/crash/{file})"
        hits = max(len(times), hits, len(done))
        all_hits += hits
        all_times += times
        compared = f"{rows:,} | 0 | 0" if rows else " |  | "  # it counts rows alone, or what it says
        lines.append(f"| {link} | {story} | {hits} | {compared} | {middle} | {longest} |\n")
    if not lines:
        return ""
    all_times = sorted(all_times) or [0.0]
    together = (
        f"\nTogether: {all_hits} faults, {sum(count for _, _, count, _, _ in runs):,} rows compared, 0 lost, 0 doubled;"
        f" the next commit after {statistics.median(all_times):.1f} s (median of {len(all_times)}),"
        f" {all_times[round(0.99 * (len(all_times) - 1))]:.1f} s (99th percentile).\n"
    )
    return HEAD + "".join(lines) + together
