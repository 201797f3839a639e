"""The table of faults tells what was counted, of a run in which all passed and every test was hit by its fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faults.fault_table import BEGIN, END, NO_TABLE, table_of
from tests.support.faults.tally import Tally

CONFTEST = """
from tests.support.faults.fault_table import pytest_pyfunc_call, pytest_terminal_summary

def pytest_addoption(parser):
    parser.addoption("--fault-table")
"""
GOOD = '''
from tests.support.faults.tally import TALLY

def test_a_kill():
    """F1: it comes back."""
    TALLY.hit(2)
    TALLY.recoveries.append(1.5)
    TALLY.compare(["a", "b"], ["b", "a"])
'''
BAD = '''
def test_another():
    """F2: it does not."""
    TALLY.hit()
    TALLY.compare(["a"], ["a", "a"])
'''
UNHIT = '''
def test_nothing_happened():
    """F3: a fault that nothing reached."""
    TALLY.compare(["a"], ["a"])
'''


@pytest.fixture
def page(pytester: pytest.Pytester) -> Path:
    pytester.makeconftest(CONFTEST)
    return pytester.makefile(".md", page=f"before\n{BEGIN}old\n{END}after\n")


def run(pytester: pytest.Pytester, page: Path, *tests: str) -> pytest.RunResult:
    pytester.makepyfile(test_faults="".join(tests))
    return pytester.runpytest_inprocess("--fault-table", str(page), "-p", "no:cacheprovider")


def test_what_was_counted_is_written(pytester: pytest.Pytester, page: Path) -> None:
    run(pytester, page, GOOD).assert_outcomes(passed=1)
    text = page.read_text()
    assert "| it comes back | 2 | 2 | 0 | 0 | 1.5 s | 1.5 s |\n" in text
    assert "Together: 2 faults, 2 rows compared, 0 lost, 0 doubled; the next commit after 1.5 s (median of 1)" in text
    assert text.startswith(f"before\n{BEGIN}")
    assert text.endswith(f"{END}after")


SKIPPED = '''
import pytest

def test_not_here():
    """F4: what cannot be made here."""
    pytest.skip("no disk for it")
'''


def test_a_test_that_is_skipped_is_no_fault(pytester: pytest.Pytester, page: Path) -> None:
    run(pytester, page, GOOD, SKIPPED).assert_outcomes(passed=1, skipped=1)
    assert "Together: 2 faults" in page.read_text()
    assert "what cannot be made here" not in page.read_text()


@pytest.mark.parametrize("other", [BAD, UNHIT], ids=["a row too many", "no fault hit"])
def test_no_table_is_written_of_a_run_with_a_failure(pytester: pytest.Pytester, page: Path, other: str) -> None:
    before = page.read_text()
    result = run(pytester, page, GOOD, other)
    result.assert_outcomes(passed=1, failed=1)
    assert page.read_text() == before
    assert NO_TABLE.strip() in result.stdout.str()
    assert "it comes back" not in result.stdout.str()


def test_a_test_that_hit_nothing_fails_by_that_name(pytester: pytest.Pytester, page: Path) -> None:
    assert "no fault hit" in run(pytester, page, GOOD, UNHIT).stdout.str()


def test_lost_and_doubled_are_what_the_oracle_counted() -> None:
    tally = Tally()
    with pytest.raises(AssertionError, match="2 of 3 messages have no row"):
        tally.compare(["a", "b", "c"], ["a", "a", "d"])
    assert (tally.rows, tally.lost, tally.doubled) == (3, 2, 2)
    with pytest.raises(AssertionError, match="1 of 2 rows have no message"):
        tally.compare(["a"], ["a", "a"])
    table = table_of([("tests/crash/test_x.py::test_y[1]", "story", 7, tally.rows, tally.lost, tally.doubled, [])])
    assert "| [y](../tests/crash/test_x.py) | story | 7 | 4 | 2 | 3 |  |  |\n" in table
    assert "Together: 7 faults, 4 rows compared, 2 lost, 3 doubled;" in table


def test_runs_of_one_test_are_one_line_and_what_compares_no_rows_says_so() -> None:
    table = table_of([(f"tests/crash/test_x.py::test_y[{n}]", "story", 1, 0, 0, 0, [float(n)]) for n in (1, 2, 3)])
    assert "| [y](../tests/crash/test_x.py) | story | 3 |  |  |  | 2.0 s | 3.0 s |\n" in table
