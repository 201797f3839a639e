"""`rtpipe bench` without services: figures of a run, what limits it, rows as statements, what is removed and when."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psutil
import pytest

from supervisor.bench import progress as progress_module
from supervisor.bench import table_rows
from supervisor.bench.figures import Bare, Point, Run, ratio, run_of
from supervisor.bench.limits import what_limits
from supervisor.bench.processes import Watched
from supervisor.bench.progress import Progress
from supervisor.bench.table_rows import Column, TableRows
from supervisor.bench.user_bench import Findings
from supervisor.bench.user_view import as_json, print_findings
from supervisor.bench.watch import BenchError, watch
from tests.support.fakes.fake_pipeline import partition


def run(**changed: Any) -> Run:
    return replace(Run(rows=100, cold=50.0, steady=80.0, micros={"writer": 2.0}, cores={}, busy=0.5), **changed)


def test_steady_is_between_a_fifth_and_nine_tenths_of_the_rows() -> None:
    points = [Point(2.0 + n, n * 10, {"writer": n * 1e-4}, busy=n * 1.5) for n in range(1, 11)]
    found = run_of(points, rows_a_commit=5, memory=7)
    assert found.rows == 100
    assert found.cold == pytest.approx(100 / 12)
    assert found.steady == pytest.approx(10)
    assert found.micros["writer"] == pytest.approx(10)
    assert found.busy == pytest.approx(1.5)
    assert found.cores["writer"] == pytest.approx(1e-4)


def test_a_run_ends_where_no_more_rows_come() -> None:
    found = run_of([Point(1.0, 10, {}), Point(2.0, 100, {}), Point(60.0, 100, {})])
    assert found.cold == 50


def test_all_rows_in_one_look_have_no_steady_part() -> None:
    found = run_of([Point(4.0, 100, {"writer": 1.0})])
    assert found.steady == found.cold == 25
    assert found.micros == {"writer": 0.0}


def test_ratio_is_of_the_pairs() -> None:
    assert ratio([1, 20, 300], [2, 20, 100]) == 1


@pytest.mark.parametrize(
    ("found", "partitions", "backpressure", "words"),
    [
        (run(busy=3.9, cores={"writer": 1.0, "database": 2.0}), 4, 1, "3.9 of 4 cores were busy, 1.0 with rtpipe"),
        (run(cores={"writer": 1.8}), 2, 1, "the writers: each keeps 90% of a core busy; more partitions"),
        (run(cores={"consumer": 8}), 8, 0, "the consumers: each keeps 100% of a core busy; faster cores"),
        (run(cores={"writer": 0.2}), 2, 0.6, "the database"),
        (run(cores={"writer": 0.2}), 2, 0.4, "Kafka"),
    ],
)
def test_what_limits_is_what_was_busy_or_kept_others_waiting(
    found: Run, partitions: int, backpressure: float, words: str
) -> None:
    assert words in what_limits(found, cores=4, partitions=partitions, backpressure=backpressure)


def test_rows_become_lines_and_literals_that_mean_the_same() -> None:
    columns = (Column("a`", "varchar"), Column("b", "int"), Column("c", "blob"))
    rows = TableRows(columns, ((b"x\ty\n\\'", b"-7", b"00FF"), (None, None, None)))
    assert rows.lines() == [b"x\\ty\\n\\\\'\t-7\t00FF\n", b"\\N\t\\N\t\\N\n"]
    assert rows.load("t").endswith(b"INTO TABLE `t` CHARACTER SET utf8mb4 (`a```, `b`, @b2) SET `c` = UNHEX(@b2)")
    assert rows.literals() == [b"'x\ty\n\\\\''',-7,X'00FF'", b"NULL,NULL,NULL"]
    assert rows.insert("d", "t") == b"INSERT INTO `d`.`t` (`a```, `b`, `c`) VALUES "
    assert b" ON DUPLICATE KEY UPDATE `a``` = VALUES(`a```)" in rows.update()


class Answers:
    """A connection that knows an answer for the beginning of a statement."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        self.asked: list[str] = []
        self.found: list[Any] = []

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cursor(self) -> Answers:
        return self

    def execute(self, sql: str) -> None:
        self.asked.append(sql)
        self.found = next((answer for start, answer in self.answers.items() if sql.startswith(start)), [])

    def fetchall(self) -> list[Any]:
        return self.found.pop(0) if self.found and isinstance(self.found[0], list) else self.found

    def close(self) -> None:
        self.asked.append("close")


def test_only_as_many_rows_are_kept_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(SELECT_COLUMN=[(b"a", b"text"), (b"b", b"binary")], SELECT_=[(b"x" * 90, b"y" * 10)] * 100)
    monkeypatch.setattr(table_rows, "bare_connection", lambda *_, **__: answers)
    found = table_rows.read_rows(None, "t", most_rows=1_000, most_bytes=20_000)  # type: ignore[arg-type]
    assert found.columns == (Column("a", "text"), Column("b", "binary"))
    assert answers.asked[-3] == "SELECT `a`, HEX(`b`) FROM `t` LIMIT 200"


def test_progress_counts_from_where_the_log_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    offsets: list[Any] = [[(0, 100)], [(0, 150), (1, 7)], [(0, 150), (1, 9)]]
    answers = Answers(SELECT_=offsets)
    monkeypatch.setattr(progress_module, "bare_connection", lambda *_, **__: answers)
    pipeline = [partition(0, backpressure=True), partition(1, state="waiting")]
    with Progress(None, {0: 100, 1: 7}, lambda: pipeline) as progress:  # type: ignore[arg-type]
        progress.empty("t")
        assert answers.asked[0] == "TRUNCATE TABLE `t`"
        assert [progress.done(), progress.done(), progress.done()] == [0, 50, 52]
        assert progress.commits == 2
        assert progress.full == [True]
    assert answers.asked[-1] == "close"


@contextlib.contextmanager
def sleeper(seconds: str = "60") -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"]) as process:
        yield process
        process.kill()


def test_a_run_is_looked_at_until_its_rows_are_in_or_time_is_over() -> None:
    with sleeper() as process:
        watched = Watched(process, {"database": [psutil.Process()]}, ("client",))
        counts = iter([0, 0, 5, 10])
        points = watch(watched, lambda: next(counts), rows=10, began=time.monotonic(), seconds=60)
        assert [point.rows for point in points] == [5, 10]
        assert set(points[0].cpu) == {"client", "database"}
        assert points[0].cpu["database"] > 0
        assert watched.pss() > 1
        assert len(watch(watched, lambda: 1, rows=10, began=time.monotonic(), seconds=0)) == 2


def test_a_process_that_ends_by_itself_has_no_figures() -> None:
    with sleeper("0") as process:
        process.wait()
        with pytest.raises(BenchError, match="exit code 0"):
            watch(Watched(process, {}), lambda: 1, rows=10, began=0, seconds=60)


def test_findings_are_medians_and_what_limits(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run(steady=steady, rows_a_commit=5.0, memory=9.0) for steady in (70.0, 80.0, 4.0)]
    found = Findings("", "8.4.3", 2, 100, runs, [Bare(100.0, 1.0)] * 3, limited_by="the database")
    facts = as_json(found)
    assert (facts["rows_per_second"], facts["ratio"], facts["bare_statement"]) == (70, 0.7, "LOAD DATA")
    assert facts["cpu_microseconds_a_row"] == {"writer": 2.0}
    print_findings(found)
    said = capsys.readouterr().out
    assert "0.70 of what this database takes from 2 connections" in said
    assert "limited by   the database" in said
