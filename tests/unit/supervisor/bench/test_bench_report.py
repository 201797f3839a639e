"""What `make bench` makes of its figures: facts, a picture, the generated part of a page."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from supervisor.bench.figures import Bare, Run
from tests.bench import chart, document, report, where
from tests.bench.cases import Case, suite
from tests.bench.report import Result
from tests.support.pages import DOCS


def run(steady: float) -> Run:
    micros = {"consumer": 1.0, "writer": 2.0, "database": 4.0}
    return Run(90, steady / 2, steady, micros, {"writer": 0.25}, 1.0, rows_a_commit=45.0, memory=300.0)


@pytest.fixture
def results() -> list[Result]:
    runs = {"rtpipe": [run(50.0), run(60.0), run(9.0)], "plain loop": [run(10.0), run(10.0), run(2.0)]}
    limits = {name: [Bare(100.0, 3.0), Bare(100.0, 3.0), Bare(20.0, 3.0)] for name in ("limit9", "limit2")}
    cases = Case(), Case(mode="upsert")
    return [Result(case, 90, "11.4.5-MariaDB", runs=runs, limits=limits, produced=1234.5) for case in cases]


@pytest.fixture
def facts(results: list[Result]) -> dict[str, Any]:
    return report.to_json(results)


def test_ratios_are_of_the_rounds(facts: dict[str, Any]) -> None:
    first = facts["cases"][0]
    assert first["each"]["rtpipe"]["steady"] == 50
    assert first["each"]["rtpipe"]["of_limit9"] == 0.5
    assert first["other_cores"] == 0.8
    assert first["rtpipe_against"]["plain loop"] == 5


def test_cases_of_an_earlier_run_stay_unless_they_are_measured_again(facts: dict[str, Any]) -> None:
    first, second = facts["cases"]
    order = [first["name"], second["name"]]
    earlier = {"cores": 1, "cases": [second | {"rows": 1}, first | {"rows": 2}]}
    found = report.beside(earlier, {"cores": 2, "cases": [second]}, order)
    assert (found["cores"], [case["name"] for case in found["cases"]]) == (2, order)
    assert [case["rows"] for case in found["cases"]] == [2, 90]
    assert report.beside(None, facts, order) == facts


def test_each_case_is_shown(results: list[Result]) -> None:
    out = io.StringIO()
    for result in results:
        report.show(Console(file=out, width=100), result)
    assert "seed rows, insert, MariaDB, 9 partitions: 11.4.5-MariaDB, 90 rows; 3 rounds, medians;" in out.getvalue()
    assert out.getvalue().count("plain loop") == 6


def test_the_picture_has_a_bar_for_each_in_its_length(facts: dict[str, Any]) -> None:
    drawn = ET.fromstring(chart.svg(facts))
    name = "{http://www.w3.org/2000/svg}"
    bars = drawn.findall(f"{name}rect")
    assert len(bars) == 8
    widths = {bar.get("class"): float(bar.get("width") or 0) for bar in bars}
    assert widths["rtpipe"] == pytest.approx(widths["limit"] / 2, abs=0.1)
    assert "50  (0.50)" in [text.text for text in drawn.findall(f"{name}text")]
    height = float((drawn.get("viewBox") or "").split()[3])
    assert max(float(text.get("y") or 0) for text in drawn.findall(f"{name}text")) < height


def test_only_the_generated_part_of_a_page_changes(facts: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    document.replace(page, facts)
    text = page.read_text()
    assert text.startswith(f"before\n{document.BEGIN}\n")
    assert text.endswith(f"{document.END}\nafter\n")
    assert "old" not in text
    assert "| seed rows, upsert, MariaDB, 9 partitions | 50 (0.50) | 10 (0.10) | 100 (1.00) |" in text
    assert "| seed rows, upsert, MariaDB, 9 partitions | 1.00 | 2.00 | 4.00 | 25 | 45 | 300 |" in text
    assert "messages/s: 1,234 (seed, 9 partitions), 1,234 (seed, 9 partitions)." in text
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place"):
        document.replace(page, facts)


def test_the_page_has_the_place() -> None:
    text = (DOCS / "performance.md").read_text()
    assert text.index(document.BEGIN) < text.index(document.END)


def test_each_case_of_the_suite_differs_from_the_first_in_one_thing() -> None:
    first, *others = suite()
    for case in others:
        assert (
            sum(getattr(case, name) != getattr(first, name) for name in ("shape", "mode", "server", "partitions")) == 1
        )
    assert len(set(suite())) == 9


def test_a_sample_counts_for_the_innermost_file_of_ours() -> None:
    outside = "read (/home/x/rtpipe/.venv/lib/python3.12/site-packages/polars/io.py:3)"
    folded = f"main (/home/x/rtpipe/workers/launch.py:15);run (workers/rows/a.py:2);{outside} 7\n{outside} 2\n"
    assert dict(where._counted(folded)) == {"workers/rows/a.py": 7, "elsewhere": 2}
