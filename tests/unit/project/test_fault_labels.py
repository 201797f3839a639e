"""Each fault that docs/guarantees.md speaks of has a test that says so: a test that goes takes its label along."""

from __future__ import annotations

import ast
import re

from tests.support.pages import PROJECT

TESTS = PROJECT / "tests"
LABELS = re.compile(r"((?:F\d+(?:, )?)+): \S")
#: More partitions while running come with several machines.
LATER = {36}


def documented() -> dict[str, str]:
    """Test function -> docstring, of crash and integration tests."""
    found = {}
    for file in [*(TESTS / "crash").glob("test_*.py"), *(TESTS / "integration").rglob("test_*.py")]:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found[f"{file.parent.name}/{node.name}"] = ast.get_docstring(node) or ""
    return found


def test_every_fault_has_a_test() -> None:
    labels = [LABELS.match(text) for text in documented().values()]
    numbers = {int(number) for label in labels if label for number in re.findall(r"\d+", label[1])}
    assert numbers == set(range(1, 42)) - LATER


def test_every_crash_test_says_what_comes_of_it() -> None:
    assert not [name for name, text in documented().items() if name.startswith("crash/") and not LABELS.match(text)]


def test_the_readme_tells_the_numbers_of_the_table() -> None:
    table = (PROJECT / "docs" / "guarantees.md").read_text()
    together = re.search(
        r"Together: (\d+) faults, ([\d,]+) rows compared, .* after ([\d.]+) s \(median of \d+\), ([\d.]+) s", table
    )
    longest = max(float(seconds) for seconds in re.findall(r"\| ([\d.]+) s \|$", table, re.MULTILINE))
    assert together
    told = " ".join((PROJECT / "README.md").read_text().split())
    faults, rows, median, late = together.groups()
    assert f"{faults} faults, {rows} rows compared" in told
    assert f"after {median} s (median) and {late} s (99th percentile), at most {longest} s" in told


def test_every_test_of_the_table_is_there() -> None:
    table = (PROJECT / "docs" / "guarantees.md").read_text()
    listed = re.findall(r"^\| \[(.+)\]\(\.\./tests/crash/(.+)\) \|", table, re.MULTILINE)
    assert listed
    gone = [
        (name, file)
        for name, file in listed
        if f"def test_{name.replace(' ', '_')}(" not in (TESTS / "crash" / file).read_text()
    ]
    assert not gone
