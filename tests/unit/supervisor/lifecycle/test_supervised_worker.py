"""What the supervisor concludes from a worker's last words and exit codes; the processes are fakes."""

from __future__ import annotations

import errno
import time
from typing import Any, Literal

import pytest

from rtpipe.errors import ExitCode
from supervisor.lifecycle import orders, requests
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.stuck_workers import StuckWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.status.process_stats import ProcessStats
from tests.support.fakes.fake_worker import FakeLauncher, status_of, supervised_worker
from workers.contract.death import Death
from workers.contract.reports import Ended, Progress, Running, SchemaWanted, Warned

HALTS = [ExitCode.USAGE, ExitCode.SCHEMA_REFUSED, *(ExitCode(code) for code in (65, 66, 76, 77, 78, 79))]


DIED = Ended(ExitCode.FAILED, "E_WORKER_DIED", "orders/0: the writer died", death=Death("writer", -9, 101))


@pytest.fixture
def launch() -> FakeLauncher:
    return FakeLauncher()


@pytest.fixture
def worker(launch: FakeLauncher) -> SupervisedWorker:
    started = supervised_worker(launch)
    started.begin()
    started.start()
    return started


def says(worker: SupervisedWorker, *reports: object) -> None:
    assert worker.generation is not None
    link: Any = worker.generation.processes.link
    link.say(*reports)
    worker.take_reports()


def ends(worker: SupervisedWorker, code: int | None, *reports: object) -> None:
    assert worker.generation is not None
    processes: Any = worker.generation.processes
    processes.die(code, *reports)
    worker.on_death()


@pytest.mark.parametrize("code", HALTS)
def test_what_a_restart_cannot_mend_halts(worker: SupervisedWorker, code: ExitCode) -> None:
    ends(worker, code, Running(101, 1, 5), Ended(code, "E_X", "orders/0: why"))
    assert (worker.standing.state, worker.standing.code, worker.standing.reason) == (
        WorkerState.HALTED,
        code,
        "orders/0: why",
    )
    assert worker.standing.next_start is None
    assert worker.history.deaths.restarts.total() == 0


@pytest.mark.parametrize("code", [1, 70, -9, None])
def test_a_crash_starts_again_at_once_and_then_later(worker: SupervisedWorker, code: int | None) -> None:
    ends(worker, code)
    assert worker.standing.state is WorkerState.BACKOFF
    assert worker.standing.next_start is not None
    assert worker.standing.next_start <= time.monotonic()
    worker.start()
    ends(worker, code)
    assert worker.standing.next_start > time.monotonic()
    assert worker.history.deaths.restarts.total() == 2


def test_ten_crashes_without_progress_are_a_quarantine_and_one_row_forgives_all(worker: SupervisedWorker) -> None:
    for _ in range(9):
        ends(worker, -9)
        assert worker.standing.state is WorkerState.BACKOFF
        worker.start()
    says(worker, Progress(5, 9, 5, 0, 1, 0, backpressure=False, waiting_for=""))
    for _ in range(9):
        ends(worker, -9)
        assert worker.standing.state is WorkerState.BACKOFF
        worker.start()
    ends(worker, -9)
    assert worker.standing.state is WorkerState.QUARANTINED


def test_a_passing_trouble_is_no_crash(worker: SupervisedWorker) -> None:
    ends(worker, 75, Ended(ExitCode.TEMPORARY, "E_TEMPORARY", "locked"))
    assert (worker.standing.state, worker.standing.reason, worker.history.deaths.restarts.total()) == (
        WorkerState.BACKOFF,
        "locked",
        0,
    )


def test_a_forkserver_killed_over_a_start_is_no_crash(worker: SupervisedWorker, launch: FakeLauncher) -> None:
    ends(worker, -9)
    launch.trouble = EOFError("unexpected EOF")
    worker.start()
    launch.trouble = None
    assert (worker.standing.state, worker.generation, worker.history.deaths.restarts.total()) == (
        WorkerState.BACKOFF,
        None,
        1,
    )
    assert worker.standing.reason == "no process could be started: the process that starts workers ended"
    assert worker.standing.next_start is not None
    worker.start()
    assert worker.standing.state is WorkerState.STARTING


def test_a_report_that_the_system_has_no_room_for_ends_its_link(
    worker: SupervisedWorker, launch: FakeLauncher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An OSError left the supervisor's loop, and all partitions died."""

    def no_more_files(_running: Running) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(launch.last, "knows_writer", no_more_files)
    says(worker, Running(101, 1, 5))
    assert launch.last.link.closed
    assert "orders/0: its report could not be taken, so it is restarted: Too many open files" in caplog.text
    ends(worker, 75)
    assert worker.standing.state is WorkerState.BACKOFF


def test_a_database_that_went_back_is_told_once_and_its_tables_are_asked_about_anew(
    worker: SupervisedWorker, caplog: pytest.LogCaptureFixture
) -> None:
    """A promoted replica may lack a change of the table, too: what was known of it is not believed."""
    questions: Any = worker._questions
    committed = Progress(1_500, 1_500, 0, 0, 1, 0, backpressure=False, waiting_for="")
    says(worker, Running(101, 8, 5), SchemaWanted(1), committed)
    ends(worker, 75, Ended(ExitCode.TEMPORARY, "E_TEMPORARY", "W_REWOUND orders/0 1500 -> 1200"))
    worker.start()
    says(worker, Running(102, 8, 1_200), SchemaWanted(1), SchemaWanted(2, "key"))
    [told] = [record for record in caplog.records if record.__dict__.get("event") == "offset_went_back"]
    assert "from offset 1500 to 1200" in told.getMessage()
    assert (told.__dict__["committed"], told.__dict__["offset"]) == (1_500, 1_200)
    assert [wanted.again for wanted, _ in questions.asked] == [False, True, False]
    ends(worker, -9)
    worker.start()
    says(worker, Running(103, 9, 1_200), SchemaWanted(1))
    assert caplog.text.count("went back") == 1
    assert not questions.asked[-1][0].again


def test_a_kill_point_is_for_one_generation(worker: SupervisedWorker, launch: FakeLauncher) -> None:
    ends(worker, -9)
    worker.start()
    assert [handle.spec.armed for handle in launch.made] == ["writer:begin", ""]


def test_a_drain_is_asked_for_once_and_its_end_is_for_good(worker: SupervisedWorker, launch: FakeLauncher) -> None:
    orders.drain(worker, 20)
    orders.drain(worker, 20)
    assert worker.standing.state.value == "stopping"
    assert launch.last.drained == [20]
    ends(worker, -9)
    assert worker.standing.state is WorkerState.STOPPED
    assert worker.standing.next_start is None


@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.parametrize("reports", [(), (DIED,)])
def test_a_death_while_draining_is_told_unless_all_was_committed(
    worker: SupervisedWorker, caplog: pytest.LogCaptureFixture, reports: tuple[Ended, ...], arrived: bool
) -> None:
    orders.drain(worker, 20, arrived=arrived)
    ends(worker, 1 if reports else -9, *reports)
    assert (worker.standing.state, worker.standing.code) == (
        WorkerState.STOPPED,
        ExitCode.DONE if arrived else ExitCode.TEMPORARY,
    )
    told = f"the {'writer' if reports else 'consumer'} was killed by SIGKILL (out of memory?)"
    assert (f"E_WORKER_DIED orders/0: {told} while it drained" in caplog.text) is not arrived


def test_a_worker_that_the_supervisor_kills_is_no_surprise(
    worker: SupervisedWorker, caplog: pytest.LogCaptureFixture
) -> None:
    orders.kill(worker)
    ends(worker, -9)
    orders.kill(worker)
    assert (worker.standing.state, worker.standing.code) == (WorkerState.STOPPED, ExitCode.DONE)
    assert not caplog.text


def test_a_drain_while_nothing_runs(worker: SupervisedWorker) -> None:
    ends(worker, -9)
    orders.drain(worker, 20)
    assert (worker.standing.state, worker.standing.next_start) == (WorkerState.STOPPED, None)


@pytest.mark.parametrize(("deaths", "state"), [(1, WorkerState.BACKOFF), (10, WorkerState.QUARANTINED)])
def test_a_kill_while_nothing_runs_is_for_good(worker: SupervisedWorker, deaths: int, state: WorkerState) -> None:
    for number in range(deaths):
        if number:
            worker.start()
        ends(worker, -9)
    assert worker.standing.state is state
    orders.kill(worker)
    assert (worker.standing.state, worker.standing.next_start) == (WorkerState.STOPPED, None)


def test_a_halted_worker_stays_halted_through_a_drain(worker: SupervisedWorker) -> None:
    ends(worker, 65, Ended(ExitCode.BAD_DATA, "E_DATA", "why"))
    orders.drain(worker, 20)
    assert worker.standing.state is WorkerState.HALTED


def test_a_trouble_while_draining_is_told(worker: SupervisedWorker, caplog: pytest.LogCaptureFixture) -> None:
    orders.drain(worker, 20)
    ends(worker, 75, Ended(ExitCode.TEMPORARY, "E_DRAIN_FORCED", "orders/0: not in time"))
    assert "E_DRAIN_FORCED orders/0: not in time" in caplog.text


def test_the_end_of_the_log_stays_unknown_until_it_is_seen(worker: SupervisedWorker) -> None:
    says(worker, Progress(5, -1, 0, 0, 0, 0, backpressure=False, waiting_for=""))
    assert worker.generation is not None
    assert (worker.history.offset, worker.generation.said.end_offset) == (5, None)


def test_a_warning_holds_until_a_generation_says_otherwise(worker: SupervisedWorker) -> None:
    def told() -> str:
        return status_of(worker, ProcessStats(), time.monotonic()).warning

    assert told() == ""
    ends(worker, -9, Running(101, 1, 5), Warned("W_KEY_FORMAT: why"))
    assert told() == "W_KEY_FORMAT: why"
    worker.start()
    assert told() == "W_KEY_FORMAT: why"
    says(worker, Warned(""))
    assert told() == ""


class TestNothingOfAGenerationIsInTheNext:
    """What one lifetime was asked, or had said, is not known of the next one."""

    @staticmethod
    def resumed(worker: SupervisedWorker) -> None:
        ends(worker, 65, Ended(ExitCode.BAD_DATA, "E_DATA", "why"))
        assert worker.standing.state is WorkerState.HALTED
        assert not requests.why_not(Verb.RESUME, worker.standing)
        requests.act(Verb.RESUME, worker, 20, "")
        worker.start()

    def test_that_it_had_arrived(self, worker: SupervisedWorker) -> None:
        orders.drain(worker, 20, arrived=True)
        self.resumed(worker)
        orders.drain(worker, 20)
        ends(worker, -9)
        assert worker.standing.code == ExitCode.TEMPORARY

    def test_that_it_was_killed_on_purpose(self, worker: SupervisedWorker) -> None:
        orders.kill(worker)
        self.resumed(worker)
        orders.drain(worker, 20)
        ends(worker, -9)
        assert worker.standing.code == ExitCode.TEMPORARY

    def test_that_it_had_reached_the_log(self, worker: SupervisedWorker) -> None:
        says(worker, Running(101, 1, 5), Progress(5, 9, 0, 0, 0, 0, backpressure=False, waiting_for="database"))
        assert worker.generation is not None
        assert (worker.generation.said.end_offset, worker.generation.said.waiting_for) == (9, "database")
        ends(worker, -9)
        worker.start()
        assert (worker.generation.said.end_offset, worker.generation.said.waiting_for, worker.history.offset) == (
            None,
            "",
            5,
        )

    def test_that_it_was_stuck(self, worker: SupervisedWorker, launch: FakeLauncher) -> None:
        limits = HeartbeatLimits(30, 20)
        StuckWorkers(limits).look([worker], time.monotonic() + 31)
        ends(worker, -6)
        assert worker.standing.reason == "stuck: no heartbeat of its consumer for 31 s"
        worker.start()
        StuckWorkers(limits).look([worker], time.monotonic())
        assert launch.last.signals == []
        ends(worker, -11)
        assert worker.standing.reason == "the consumer was killed by SIGSEGV (a crash in native code)"


class TestWhoDiedFirst:
    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (-9, "was killed by SIGKILL (out of memory?)"),
            (-11, "was killed by SIGSEGV (a crash in native code)"),
            (-15, "was killed by SIGTERM"),
            (-64, "was killed by SIGRTMAX"),
            (-50, "was killed by signal 50"),
            (1, "ended with exit code 1 (FAILED)"),
            (113, "ended with exit code 113"),
        ],
    )
    @pytest.mark.parametrize("process", ["consumer", "writer"])
    def test_log_and_status_say_how(
        self,
        worker: SupervisedWorker,
        caplog: pytest.LogCaptureFixture,
        code: int | None,
        words: str,
        process: Literal["consumer", "writer"],
    ) -> None:
        if process == "consumer":
            ends(worker, code)
        else:  # the consumer tells of its writer, and leaves with a code of its own
            death = Death("writer", code, 4711)
            ends(worker, 1, Ended(ExitCode.FAILED, "E_WORKER_DIED", "orders/0: the writer died", death=death))
        pid = 100 if process == "consumer" else 4711
        assert f"E_WORKER_DIED orders/0 pid={pid} the {process} {words}; restart in" in caplog.text
        [record] = [record for record in caplog.records if getattr(record, "event", "") == "worker_died"]
        assert (vars(record)["died_process"], vars(record)["exit_code"]) == (process, code)
        status = status_of(worker, ProcessStats(), time.monotonic())
        assert status.reason == status.last_death == f"the {process} {words}"
        worker.start()
        status = status_of(worker, ProcessStats(), time.monotonic())
        assert (status.reason, status.last_death) == ("", f"the {process} {words}")

    @pytest.mark.parametrize(
        ("process", "words"),
        [
            ("consumer", "the consumer ended, and its exit code is not known (the forkserver was killed, too)"),
            ("writer", "the writer closed its link without a word and did not end by itself"),
        ],
    )
    def test_without_an_exit_code_the_words_are_of_that_process(
        self, process: Literal["consumer", "writer"], words: str
    ) -> None:
        assert str(Death(process, None, 4711)) == words

    def test_what_it_said_last_is_part_of_it(self, worker: SupervisedWorker) -> None:
        death = Death("writer", 1, 4711)
        ends(worker, 1, Ended(ExitCode.FAILED, "E_FAILED", "orders/0: KeyError", death=death))
        assert worker.standing.reason == "the writer ended with exit code 1 (FAILED): orders/0: KeyError"


def test_stacks_are_one_event_for_each_process_and_kept(
    worker: SupervisedWorker, launch: FakeLauncher, caplog: pytest.LogCaptureFixture
) -> None:
    stacks = {"writer": "Fatal Python error: Aborted\n  File x", "consumer": "Fatal Python error: Aborted\n  File y"}
    launch.last.found_stacks = stacks
    ends(worker, -6)
    records = [vars(record) for record in caplog.records if getattr(record, "event", "") == "worker_stacks"]
    assert {record["stacks_of"]: record["stacks"] for record in records} == stacks
    assert worker.history.deaths.last is not None
    assert worker.history.deaths.last.end.stacks == stacks
