"""The history: what a person asks of it, what is kept and for how long, and that nothing of it harms a run."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import UnreachableError
from supervisor.control.event_ring import Event
from supervisor.history import history_file, history_process
from supervisor.history.history_file import HistoryFile
from supervisor.history.history_process import HistoryProcess
from supervisor.history.history_reader import HistoryReader, Span
from supervisor.history.history_view import event_line, minute_lines
from supervisor.history.look_back import look_back
from supervisor.history.minute_figures import MinuteFigures, MinuteSum, figures_of
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus

ALL = Span("2026-01-01", "2027-01-01")


DIED = Event(1, "2026-11-29T03:12:07.120Z", "warning", "worker_died", "orders/0", "killed", {"died_pid": 7})


ALTERED = Event(
    2, "2026-11-29T03:13:00.000Z", "info", "table_altered", "", "a column", {"topic": "orders", "sql": "ALTER"}
)


OUTAGE = Event(3, "2026-11-29T03:14:00.000Z", "warning", "outage_began", "", "Kafka is away", {})


OTHER = Event(4, "2026-11-29T03:15:00.000Z", "info", "worker_claimed", "sales/1", "running", {})


MINUTE = MinuteFigures("2026-11-29T03:13:00.000Z", "orders", 0, 10, 1, 5, 2.5, "running", "ok", 0.25)


@pytest.fixture
def file(tmp_path: Path) -> HistoryFile:
    made = HistoryFile(tmp_path / "history.db")
    made.add_events("run", [DIED, ALTERED, OUTAGE, OTHER])
    made.add_minutes(MINUTE.at, ["orders"], [MINUTE])
    return made


@pytest.fixture
def reader(file: HistoryFile, tmp_path: Path) -> HistoryReader:
    assert file
    return HistoryReader(tmp_path / "history.db")


def names(events: list[Event]) -> list[str]:
    return [event.event for event in events]


class TestTheFile:
    def test_what_was_written_is_read_as_it_was(self, reader: HistoryReader) -> None:
        assert reader.events(ALL) == [DIED, ALTERED, OUTAGE, OTHER]
        assert reader.events(ALL, 2) == [OUTAGE, OTHER]
        assert reader.minutes(ALL) == [MINUTE]

    def test_a_reader_changes_nothing_and_makes_nothing(self, reader: HistoryReader, tmp_path: Path) -> None:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._connection.execute("DELETE FROM events")
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            HistoryReader(tmp_path / "none.db")
        broken = tmp_path / "broken.db"
        broken.write_bytes(b"no database at all" * 100)
        with pytest.raises(sqlite3.DatabaseError):
            HistoryReader(broken).events(ALL)
        assert not (tmp_path / "none.db").exists()
        assert broken.read_bytes().startswith(b"no database")

    def test_a_topic_at_rest_has_no_lag_and_one_that_nobody_watched_is_a_gap(
        self, file: HistoryFile, reader: HistoryReader
    ) -> None:
        rest, gap, unknown = (MINUTE.at.replace("03:13", f"03:{minute}") for minute in (14, 15, 16))
        file.add_minutes(rest, ["orders", "sales"], [])
        file.add_minutes(unknown, ["orders"], [MINUTE, dataclasses.replace(MINUTE, at=unknown, lag=None)])
        assert reader.sums(ALL) == [
            MinuteSum(MINUTE.at, 10, 5, 2.5),
            MinuteSum(rest, 0, 0, None),
            MinuteSum(unknown, 10, None, 2.5),
        ]
        assert gap not in {one.at for one in reader.sums(ALL)}
        assert [one.rows for one in reader.sums(dataclasses.replace(ALL, topic="orders", partition=1))] == [0, 0, 0]
        assert [one.at for one in reader.sums(dataclasses.replace(ALL, topic="sales"))] == [rest]

    def test_the_same_event_of_the_same_run_is_there_once(self, file: HistoryFile, reader: HistoryReader) -> None:
        file.add_events("run", [DIED])
        file.add_events("another", [DIED])
        assert names(reader.events(ALL)).count("worker_died") == 2

    def test_a_topic_or_a_partition_has_what_is_about_it_and_about_everything(
        self, file: HistoryFile, reader: HistoryReader
    ) -> None:
        orders = dataclasses.replace(ALL, topic="orders")
        assert names(reader.events(orders)) == ["worker_died", "table_altered", "outage_began"]
        assert names(reader.events(dataclasses.replace(orders, partition=0))) == names(reader.events(orders))
        assert names(reader.events(dataclasses.replace(orders, partition=1))) == ["table_altered", "outage_began"]
        assert reader.minutes(dataclasses.replace(orders, partition=1)) == []

    def test_a_span_begins_with_its_begin_and_ends_before_its_end(self, reader: HistoryReader) -> None:
        assert names(reader.events(Span(ALTERED.at, OTHER.at))) == ["table_altered", "outage_began"]

    def test_what_is_older_is_forgotten(self, file: HistoryFile, reader: HistoryReader) -> None:
        file.forget_before(OUTAGE.at)
        assert names(reader.events(ALL)) == ["outage_began", "worker_claimed"]
        assert reader.minutes(ALL) == []

    def test_a_full_file_loses_its_oldest_entries_and_takes_new_ones(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(history_file, "_MOST_BYTES", 200_000)
        file = HistoryFile(tmp_path / "small.db")
        for number in range(1, 2_001):
            at = f"2026-11-29T03:{number // 60 % 60:02}:{number % 60:02}.{number:04}Z"
            file.add_events("run", [dataclasses.replace(DIED, number=number, at=at, text="x" * 100)])
        kept = HistoryReader(tmp_path / "small.db").events(ALL)
        assert 100 < len(kept) < 2_000
        assert kept[-1].number == 2_000
        assert (tmp_path / "small.db").stat().st_size <= 200_000

    def test_a_file_that_is_none_is_put_aside(self, tmp_path: Path) -> None:
        (tmp_path / "history.db").write_bytes(b"no database at all, but long enough to look at" * 100)
        HistoryFile(tmp_path / "history.db").close()
        assert HistoryReader(tmp_path / "history.db").events(ALL) == []
        assert (tmp_path / "history.broken").exists()


class TestAMinute:
    @staticmethod
    def status(pid: int = 1, **facts: Any) -> PipelineStatus:
        known = {"topic": "orders", "partition": 0, "state": "running", "condition": "ok", "offset": 5, "end_offset": 5}
        return PipelineStatus(pid, 1.0, draining=False, partitions=(PartitionStatus.from_json(known | facts),))

    def test_rows_are_those_since_the_minute_before(self) -> None:
        [one] = figures_of("t", self.status(rows=10, dead=1), self.status(rows=25, dead=1))
        assert (one.rows, one.dead, one.lag) == (15, 0, 0)

    def test_another_supervisor_counts_from_zero(self) -> None:
        [one] = figures_of("t", self.status(rows=10), self.status(pid=2, rows=3))
        assert one.rows == 3

    def test_a_partition_that_was_given_up_and_came_back_counts_from_zero(self) -> None:
        [one] = figures_of("t", self.status(rows=10, dead=2), self.status(rows=3, dead=2))
        assert (one.rows, one.dead) == (3, 2)

    def test_at_rest_there_is_nothing_to_say(self) -> None:
        assert not list(figures_of("t", self.status(rows=10), self.status(rows=10)))
        assert list(figures_of("t", None, self.status(rows=10)))
        assert list(figures_of("t", self.status(rows=10), self.status(rows=10, end_offset=None)))
        assert list(figures_of("t", self.status(rows=10), self.status(rows=10, condition="held")))


class TestTheProcess:
    @pytest.fixture
    def process(self, tmp_path: Path) -> HistoryProcess:
        return HistoryProcess(tmp_path / "none.sock", tmp_path / "state" / "history.db")

    @staticmethod
    def lines(*events: Event) -> bytes:
        return b"".join(json.dumps({"run": "r"} | dataclasses.asdict(event)).encode() + b"\n" for event in events)

    def heard(self, monkeypatch: pytest.MonkeyPatch, process: HistoryProcess, *parts: bytes) -> None:
        reader, writer = os.pipe()
        for part in parts:
            os.write(writer, part)
        os.close(writer)
        with os.fdopen(reader, "rb") as heard:
            monkeypatch.setattr(sys, "stdin", heard)
            process.run()

    def test_events_are_in_the_file_when_its_input_has_ended(
        self, monkeypatch: pytest.MonkeyPatch, process: HistoryProcess, tmp_path: Path
    ) -> None:
        said = self.lines(DIED, OTHER)
        self.heard(monkeypatch, process, said[:40], said[40:])
        assert look_back(tmp_path / "state" / "history.db", ALL).events == [DIED, OTHER]

    def test_a_minute_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, process: HistoryProcess, tmp_path: Path
    ) -> None:
        status = TestAMinute.status(rows=7)
        monkeypatch.setattr(history_process, "ask", lambda *_, **__: status.to_json())
        process._note_minute(60.0)
        [minute] = HistoryReader(tmp_path / "state" / "history.db").minutes(Span("1970", "1971"))
        assert (minute.topic, minute.rows) == ("orders", 7)

    def test_a_file_that_cannot_be_written_is_told_once_and_tried_again(
        self, process: HistoryProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "state").write_text("in the way")
        process._take(self.lines(DIED))
        process._take(self.lines(DIED))
        assert [record.__dict__["event"] for record in caplog.records] == ["history_failed"]
        (tmp_path / "state").unlink()
        process._take(self.lines(OTHER))
        assert look_back(tmp_path / "state" / "history.db", ALL).events == [OTHER]

    def test_a_full_disk_is_told(
        self, process: HistoryProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(HistoryFile, "add_events", full)
        process._take(self.lines(DIED))
        assert "database or disk is full" in caplog.text


def test_lines_say_when_how_bad_where_and_what() -> None:
    assert event_line(DIED) == "2026-11-29 03:12:07 WARN  orders/0     worker_died  killed"
    assert event_line(ALTERED) == "2026-11-29 03:13:00 INFO  orders       table_altered  a column"
    title, line = minute_lines([MINUTE])
    assert title.split() == ["MINUTE", "PARTITION", "ROWS", "DEAD", "LAG", "LAG", "S", "BUSY", "%", "STATE"]
    assert line.split() == ["2026-11-29", "03:13", "orders/0", "10", "1", "5", "2", "25", "running"]
    unknown = dataclasses.replace(MINUTE, lag=None, lag_seconds=None, busy=None, condition="held")
    assert list(minute_lines([unknown]))[1].split()[5:] == ["-", "-", "-", "running,", "held"]


def test_no_history_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="no history") as missing:
        look_back(tmp_path / "history.db", ALL)
    assert "RTPIPE_STATE_DIR" in missing.value.hint
    (tmp_path / "history.db").mkdir()
    with pytest.raises(UnreachableError, match="cannot be read"):
        look_back(tmp_path / "history.db", ALL)
