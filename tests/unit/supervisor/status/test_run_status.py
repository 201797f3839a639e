"""What a run says of itself: the worker's facts, the process's memory, the summary, the terminal, the answers."""

from __future__ import annotations

import errno
import io
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from rtpipe.errors import ExitCode
from supervisor.lifecycle.generation.heartbeat_limits import Heartbeat, HeartbeatLimits
from supervisor.lifecycle.log_end import FRESH
from supervisor.lifecycle.rate_meter import RateMeter
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.stuck_workers import StuckWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.totals import Totals
from supervisor.status import status_view
from supervisor.status.before_plan import StatusBeforePlan
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.process_stats import ProcessStats
from supervisor.status.run_summary import log_end_of_run, summary
from supervisor.status.running_supervisors import ask_for_status, nobody_answers
from supervisor.status.status_view import LiveView, print_status
from supervisor.status.summary_log import SummaryLog
from supervisor.status.supervisors_elsewhere import SupervisorElsewhere
from tests.support.fakes.fake_supervisor import progress, running, spec_of
from tests.support.fakes.fake_worker import FakeLauncher, status_of, supervised_worker
from workers.contract.reports import Alive, Ended, Progress, Waiting


def started(launch: FakeLauncher, number: int = 0, *reports: object) -> SupervisedWorker:
    worker = supervised_worker(launch, spec_of(number))
    worker.begin()
    worker.start()
    launch.last.link.say(*reports)
    worker.take_reports()
    return worker


def facts(state: str, **changes: Any) -> PartitionStatus:
    return PartitionStatus.from_json({"topic": "orders", "partition": 0, "state": state} | changes)


class TestOneWorker:
    STATS = ProcessStats()

    def condition(self, worker: SupervisedWorker) -> tuple[str, str]:
        status = status_of(worker, self.STATS, time.monotonic())
        return status.state, status.reason

    def test_who_waits_to_claim_says_for_what_until_it_runs(self) -> None:
        launch = FakeLauncher()
        worker = started(launch, 0, Waiting("database: gone"))
        assert self.condition(worker) == ("waiting", "database: gone")
        launch.last.link.say(running())
        worker.take_reports()
        assert self.condition(worker) == ("running", "")

    def test_memory_and_rate_are_of_who_is_alive(self) -> None:
        launch = FakeLauncher()
        worker = started(launch, 0, running(), progress(5, 9, rows=5, batches=1))
        launch.last.pid, launch.last.writer_pid = os.getpid(), os.getpid()
        status = status_of(worker, ProcessStats(), time.monotonic())
        assert (status.memory_bytes or 0) > 1 << 20
        assert (status.offset, status.end_offset, status.lag, status.epoch) == (5, 9, 4, 1)
        launch.last.die(-9)
        worker.on_death()
        status = status_of(worker, ProcessStats(), time.monotonic())
        assert (status.state, status.memory_bytes, status.rows_per_second, status.pid) == ("backoff", None, 0.0, None)
        assert (status.rows, status.restarts) == (5, 1)

    def test_an_end_of_the_log_that_is_older_than_a_commit_gives_no_negative_lag(self) -> None:
        worker = started(FakeLauncher(), 0, running(), progress(5, 9), progress(12, 9, batches=1))
        status = status_of(worker, self.STATS, time.monotonic())
        assert (status.end_offset, status.offset, status.lag) == (12, 12, 0)
        assert status_of(worker, self.STATS, time.monotonic() + FRESH + 1).lag is None


class TestProcesses:
    def test_the_same_processes_are_not_looked_at_again_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stats, looks = ProcessStats(), []
        look = stats._look

        def counted(pids: list[int]) -> tuple[int | None, float | None]:
            looks.append(pids)
            return look(pids)

        monkeypatch.setattr(stats, "_look", counted)
        assert stats.of([os.getpid()]) == stats.of([os.getpid()])
        assert looks == [[os.getpid()]]
        stats.forget_all_but(set())
        stats.of([os.getpid()])
        assert len(looks) == 2

    @pytest.mark.parametrize("why", [psutil.NoSuchProcess(4_194_305), OSError(errno.EMFILE, "Too many open files")])
    def test_a_process_that_is_gone_or_cannot_be_looked_at_or_none_at_all_has_neither(
        self, monkeypatch: pytest.MonkeyPatch, why: Exception
    ) -> None:
        class Gone(psutil.Process):
            def __init__(self, pid: int) -> None:
                raise why

        monkeypatch.setattr(psutil, "Process", Gone)
        assert ProcessStats().of([4_194_305]) == (None, None)
        assert ProcessStats().of([]) == (None, None)


class TestHeartbeat:
    LIMITS = HeartbeatLimits(heartbeat_seconds=30, database_seconds=40)

    def test_a_consumer_is_stuck_after_its_limit(self) -> None:
        heart = Heartbeat(100.0)
        assert heart.silence(130.0, self.LIMITS) is None
        assert str(heart.silence(131.0, self.LIMITS)) == "no heartbeat of its consumer for 31 s"
        heart.beat(131.0)
        assert heart.silence(160.0, self.LIMITS) is None

    def test_a_writer_may_wait_for_its_driver_before_it_counts_as_stuck(self) -> None:
        heart = Heartbeat(100.0)
        heart.writer_is_silent(45.0)
        assert heart.silence(100.0, self.LIMITS) is None
        heart.writer_is_silent(46.0)
        assert str(heart.silence(100.0, self.LIMITS)) == "no heartbeat of its writer for 46 s"
        heart.writer_is_silent(0.0)
        assert heart.silence(100.0, self.LIMITS) is None

    def test_the_limit_of_a_writer_is_never_less_than_a_consumers(self) -> None:
        assert (self.LIMITS.consumer, self.LIMITS.writer) == (30, 45)
        assert HeartbeatLimits(60, 20).writer == 60

    def test_a_consumer_says_how_long_its_writer_is_silent(self) -> None:
        launch = FakeLauncher()
        worker = started(launch, 0, running(), Alive(writer_silent=46.0))
        StuckWorkers(self.LIMITS).look([worker], time.monotonic())
        assert launch.last.signals == ["abort"]


def test_a_counter_that_went_back_starts_a_new_rate() -> None:
    meter = RateMeter()
    meter.add(0.0, 100)
    meter.add(1.0, 5)
    meter.add(2.0, 15)
    assert meter.rate(2.0) == 10.0
    assert RateMeter().rate(1.0) == 0.0


def test_the_summary_names_who_does_not_run_and_the_end_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    launch = FakeLauncher()
    rows = Progress(5, 5, 5, 1, 1, 0, backpressure=False, waiting_for="", altered=3)
    workers = [started(launch, 0, running(), rows), started(launch, 1)]
    launch.last.die(65, Ended(ExitCode.BAD_DATA, "E_DATA", "why"))
    workers[1].on_death()
    assert summary(workers) == "1 of 2 partitions running; halted: orders/1"
    assert log_end_of_run(sum((Totals.of(worker.history) for worker in workers), Totals())) == 1
    assert caplog.messages[-1] == "stopped: 5 rows, 1 dead letters, 3 values altered by lossy columns, 0 restarts"


class TestTheTerminal:
    STATUS = PipelineStatus(1, 2.0, draining=False, partitions=(facts("running"),))

    def test_status_is_printed_as_wide_as_it_needs(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_status(self.STATUS)
        assert "1 of 1 running" in capsys.readouterr().out

    def test_a_view_that_nobody_wants_touches_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        with LiveView(wanted=False) as view:
            view.show(self.STATUS)
            os.write(2, b"a line\n")
        assert capfd.readouterr().err == "a line\n"

    def test_log_lines_of_all_processes_stay_above_the_table(self, capfd: pytest.CaptureFixture[str]) -> None:
        with LiveView(wanted=True) as view:
            os.write(2, b"20:15:01.123 ERROR orders/0  a worker's line\n20:15:01.123 WARN  a\nplain\n")
            view.show(self.STATUS)
        seen = capfd.readouterr().err
        assert "a worker's line" in seen
        assert "1 of 1 running" in seen
        os.write(2, b"after\n")
        assert capfd.readouterr().err == "after\n"

    @pytest.mark.parametrize(("line", "style"), [(" WARN  x", "yellow"), (" ERROR x", "red"), (" INFO  x", "")])
    def test_levels_have_colours(self, line: str, style: str) -> None:
        assert status_view._coloured(line).style == style


class TestSupervisorsThatRun:
    @pytest.fixture
    def listening(self, tmp_path: Path) -> Any:
        """A supervisor that answers, or is silent."""
        servers: list[StatusBeforePlan] = []

        def listen(pid: int) -> None:
            servers.append(StatusBeforePlan(str(tmp_path / f"supervisor-{pid}.sock"), ["orders"], "no broker"))
            servers[-1].__enter__()

        tmp_path.chmod(0o700)
        yield listen
        for server in servers:
            server.__exit__()

    def test_all_that_listen_are_asked(self, tmp_path: Path, listening: Any) -> None:
        listening(1)
        listening(2)
        answers = ask_for_status(tmp_path)
        assert [pipeline.partitions[0].state for pipeline in answers.pipelines] == ["waiting", "waiting"]
        assert (answers.silent, answers.well) == (0, False)
        assert answers.to_json() == {"schema_version": 3, "supervisors": list(answers.replies)}

    def test_one_that_does_not_answer_is_counted_and_not_well(self, tmp_path: Path, listening: Any) -> None:
        listening(1)
        with socket.socket(socket.AF_UNIX) as mute:
            mute.bind(str(tmp_path / "supervisor-2.sock"))
            mute.listen()

            def hang_up() -> None:
                mute.accept()[0].close()

            threading.Thread(target=hang_up, daemon=True).start()
            answers = ask_for_status(tmp_path)
            assert (len(answers.replies), answers.silent, answers.well) == (1, 1, False)
            assert "does not answer" in nobody_answers(tmp_path).message

    @pytest.mark.parametrize(
        ("states", "well"),
        [(["running", "stopping"], True), (["running", "halted"], False), (["waiting"], False), ([], False)],
    )
    def test_all_is_well_while_every_partition_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: list[str], well: bool
    ) -> None:
        told = PipelineStatus(1, 2.0, draining=False, partitions=tuple(map(facts, states))).to_json()
        monkeypatch.setattr("supervisor.status.running_supervisors.ask_all", lambda *_: [told])
        monkeypatch.setattr("supervisor.status.running_supervisors.sockets_in", lambda _: [tmp_path])
        assert ask_for_status(tmp_path).well is well

    def test_where_nobody_listens_the_way_to_another_one_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found: list[SupervisorElsewhere] = []
        monkeypatch.setattr("supervisor.status.running_supervisors.find_elsewhere", lambda _: found)
        error = nobody_answers(tmp_path)
        assert error.message == f"no supervisor runs here (looked in {tmp_path})"
        assert error.hint == "start one: rtpipe supervise --topics …"
        found.append(SupervisorElsewhere(4711, 4_000_000, "/run/rtpipe"))
        monkeypatch.setattr(sys, "argv", ["rtpipe"])
        error = nobody_answers(tmp_path)
        assert "user #4000000 runs one (pid 4711, runtime_dir /run/rtpipe)" in error.message
        assert "RTPIPE_RUNTIME_DIR=/run/rtpipe rtpipe status; or start one" in error.hint


def test_a_status_in_a_closed_terminal_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    print_status(PipelineStatus(None, None, draining=None, partitions=()))
    assert "0 of 0 running" in out.getvalue()


def test_the_log_has_a_summary_every_ten_seconds_while_something_is_committed(caplog: pytest.LogCaptureFixture) -> None:
    workers = [started(FakeLauncher(), 0, running(), progress(0, 500)), started(FakeLauncher(), 1, running())]
    served = ServedWorkers(lambda _: workers[0], 20)
    served.workers += workers
    log = SummaryLog(100.0)
    with caplog.at_level(logging.INFO, logger="rtpipe"):
        workers[0].history.rows = 500
        log.look(served, [SimpleNamespace(lag=7), SimpleNamespace(lag=1_000)], 105.0)  # type: ignore[list-item]
        log.look(served, [SimpleNamespace(lag=7), SimpleNamespace(lag=1_000)], 110.0)  # type: ignore[list-item]
        log.look(served, [SimpleNamespace(lag=0), SimpleNamespace(lag=0)], 120.0)  # type: ignore[list-item]
        workers[1].history.dead = 20
        log.look(served, [SimpleNamespace(lag=None), SimpleNamespace(lag=0)], 130.0)  # type: ignore[list-item]
    told = [message for message in caplog.messages if "messages/s" in message]
    assert told == [
        "2 of 2 partitions running; 50 messages/s, lag 1,007",
        "2 of 2 partitions running; 2 messages/s, lag not known",
    ]
