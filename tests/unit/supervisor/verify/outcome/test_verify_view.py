"""What `rtpipe verify` says of dead letters: a topic of nothing else is never "equal"."""

from __future__ import annotations

import pytest

from rtpipe.errors import ExitCode
from supervisor.verify.outcome.report import DifferenceKind, PartitionReport, TopicReport, VerifyReport
from supervisor.verify.outcome.view import as_json, print_report


def report(*, rows: int, dead: int, wrong: int = 0, values: bool = True) -> VerifyReport:
    partition = PartitionReport(0, 0, rows + dead, rows + dead, rows, dead)
    topic = TopicReport(
        topic="orders",
        table="orders",
        group="group-orders",
        partitions=(partition,),
        rows_in_table=rows,
        counts={DifferenceKind.MISSING: wrong} if wrong else {},
    )
    return VerifyReport((topic,), values, 0.1)


def shown(of: VerifyReport, capsys: pytest.CaptureFixture[str]) -> str:
    print_report(of)
    return capsys.readouterr().out


def test_nothing_but_dead_letters(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(report(rows=0, dead=200, values=False), capsys)
    assert "DEAD LETTERS" in said
    assert "200 dead letters, 0 rows" in said
    assert " equal" not in said
    assert "all consumed, there are no rows; 200 dead letters instead of rows (rtpipe dead-letters list)" in said


def test_rows_alone(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(report(rows=3, dead=0), capsys)
    assert "  equal\n" in said
    assert "all consumed, every value of every row is equal (0.1 s)" in said


def test_differences_beside_a_dead_letter(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(report(rows=3, dead=1, wrong=1), capsys)
    assert "differs" in said
    assert "1 difference; 1 dead letter instead of rows" in said


@pytest.mark.parametrize(
    ("of", "asked", "code"),
    [
        (report(rows=1, dead=0), True, ExitCode.DONE),
        (report(rows=0, dead=2), False, ExitCode.DONE),
        (report(rows=0, dead=2), True, ExitCode.DEAD_LETTERS),
        (report(rows=0, dead=2, wrong=1), True, ExitCode.DIFFERENT),
    ],
)
def test_the_exit_code(of: VerifyReport, asked: bool, code: ExitCode) -> None:
    assert of.exit_code(fail_on_dead_letters=asked) is code
    assert as_json(of)["dead_letters"] == as_json(of)["topics"][0]["dead_letters"] == of.dead_letters
