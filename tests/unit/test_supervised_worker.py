"""What the supervisor concludes from a worker's last words and exit codes; the processes are fakes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor import supervised_worker
from supervisor.status.process_stats import ProcessStats
from supervisor.status.worker_status import status_of
from supervisor.supervised_worker import SupervisedWorker
from supervisor.worker_state import State
from tests.support.fake_worker import SPEC, FakeHandle
from tests.support.specs import default_policy
from workers.contract.reports import Ended, Progress, Running, Warned

HALTS = [ExitCode.USAGE, ExitCode.SCHEMA_REFUSED, *(ExitCode(code) for code in (65, 66, 76, 77, 78, 79))]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> SupervisedWorker:
    FakeHandle.made = []
    monkeypatch.setattr(supervised_worker, "ProcessHandle", FakeHandle)
    nothing: Any = None
    started = SupervisedWorker(SPEC, default_policy(), nothing, nothing)
    started.start()
    return started


def ends(worker: SupervisedWorker, code: int | None, *reports: object) -> None:
    handle: Any = worker.handle
    handle.reports += reports
    handle.code = code
    worker.cancel()


@pytest.mark.parametrize("code", HALTS)
def test_what_a_restart_cannot_mend_halts(worker: SupervisedWorker, code: ExitCode) -> None:
    ends(worker, code, Running(101, 1, 5), Ended(code, "E_X", "orders/0: why"))
    assert (worker.state, worker.code, worker.reason) == (State.HALTED, code, "orders/0: why")
    assert worker.next_start is None
    assert worker.restarts == 0


@pytest.mark.parametrize("code", [1, 70, -9, None])
def test_a_crash_starts_again_at_once_and_then_later(worker: SupervisedWorker, code: int | None) -> None:
    ends(worker, code)
    assert worker.state is State.BACKOFF
    assert worker.next_start is not None
    assert worker.next_start <= time.monotonic()
    worker.start()
    ends(worker, code)
    assert worker.next_start > time.monotonic()
    assert worker.restarts == 2


def test_ten_crashes_without_progress_are_a_quarantine_and_one_row_forgives_all(worker: SupervisedWorker) -> None:
    for _ in range(9):
        ends(worker, -9)
        assert worker.state is State.BACKOFF
        worker.start()
    worker.handle.reports.append(Progress(5, 9, 5, 0, 1, 0, backpressure=False, waiting_for=""))  # type: ignore[union-attr]
    worker.hear()
    for _ in range(9):
        ends(worker, -9)
        assert worker.state is State.BACKOFF
        worker.start()
    ends(worker, -9)
    assert worker.state is State.QUARANTINED


def test_a_passing_trouble_is_no_crash(worker: SupervisedWorker) -> None:
    ends(worker, 75, Ended(ExitCode.TEMPORARY, "E_TEMPORARY", "locked"))
    assert (worker.state, worker.reason, worker.restarts) == (State.BACKOFF, "locked", 0)


def test_a_forkserver_killed_over_a_start_is_no_crash(
    worker: SupervisedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise EOFError("unexpected EOF")

    ends(worker, -9)
    with monkeypatch.context() as patched:
        patched.setattr(supervised_worker, "ProcessHandle", gone)
        worker.start()
    assert (worker.state, worker.handle, worker.restarts) == (State.BACKOFF, None, 1)
    assert worker.reason == "no process could be started: the process that starts workers ended"
    assert worker.next_start is not None
    worker.start()
    assert worker.state is State.STARTING


def test_a_kill_point_is_for_one_generation(worker: SupervisedWorker) -> None:
    ends(worker, -9)
    worker.start()
    assert [handle.spec.armed for handle in FakeHandle.made] == ["writer:begin", ""]


def test_a_drain_is_asked_for_once_and_its_end_is_for_good(worker: SupervisedWorker) -> None:
    worker.drain(20)
    worker.drain(20)
    assert worker.state.value == "stopping"
    assert FakeHandle.made[0].drained == [20]
    ends(worker, -9)
    assert worker.state is State.STOPPED
    assert worker.next_start is None


@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.parametrize("reports", [(), (Ended(ExitCode.FAILED, "E_WORKER_DIED", "orders/0: the writer was killed"),)])
def test_a_death_while_draining_is_told_unless_all_was_committed(
    worker: SupervisedWorker, caplog: pytest.LogCaptureFixture, reports: tuple[Ended, ...], arrived: bool
) -> None:
    worker.drain(20, arrived=arrived)
    ends(worker, 1 if reports else -9, *reports)
    assert (worker.state, worker.code) == (State.STOPPED, ExitCode.DONE if arrived else ExitCode.TEMPORARY)
    told = reports[0].text if reports else "orders/0 signal=9"
    assert (f"E_WORKER_DIED {told} while it drained" in caplog.text) is not arrived


def test_a_worker_that_the_supervisor_kills_is_no_surprise(
    worker: SupervisedWorker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.kill()
    ends(worker, -9)
    worker.kill()
    assert (worker.state, worker.code) == (State.STOPPED, ExitCode.DONE)
    assert not caplog.text


def test_a_drain_while_nothing_runs(worker: SupervisedWorker) -> None:
    ends(worker, -9)
    worker.drain(20)
    assert (worker.state, worker.next_start) == (State.STOPPED, None)


def test_a_halted_worker_stays_halted_through_a_drain(worker: SupervisedWorker) -> None:
    ends(worker, 65, Ended(ExitCode.BAD_DATA, "E_DATA", "why"))
    worker.drain(20)
    assert worker.state is State.HALTED


def test_a_trouble_while_draining_is_told(worker: SupervisedWorker, caplog: pytest.LogCaptureFixture) -> None:
    worker.drain(20)
    ends(worker, 75, Ended(ExitCode.TEMPORARY, "E_DRAIN_FORCED", "orders/0: not in time"))
    assert "E_DRAIN_FORCED orders/0: not in time" in caplog.text


def test_the_end_of_the_log_stays_unknown_until_it_is_seen(worker: SupervisedWorker) -> None:
    worker.handle.reports.append(Progress(5, -1, 0, 0, 0, 0, backpressure=False, waiting_for=""))  # type: ignore[union-attr]
    worker.hear()
    assert (worker.offset, worker.end_offset) == (5, None)


def test_a_warning_holds_until_a_generation_says_otherwise(worker: SupervisedWorker) -> None:
    def told() -> str:
        return status_of(worker, ProcessStats(), time.monotonic()).warning

    assert told() == ""
    ends(worker, -9, Running(101, 1, 5), Warned("W_KEY_FORMAT: why"))
    assert told() == "W_KEY_FORMAT: why"
    worker.start()
    assert told() == "W_KEY_FORMAT: why"
    worker.handle.reports.append(Warned(""))  # type: ignore[union-attr]
    worker.hear()
    assert told() == ""
