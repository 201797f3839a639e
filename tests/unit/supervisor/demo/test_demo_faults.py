"""The faults of `rtpipe demo` on a pipeline that is a fake: what each does, says, and refuses to call recovered."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
from typing import Any

import psutil
import pytest
from rich.console import Console

from supervisor.demo import demo_faults as module
from supervisor.demo.demo_faults import DemoFaults
from supervisor.demo.steps import Steps
from supervisor.demo.until import DriverError
from tests.support.fakes.fake_pipeline import FakePipeline, FakeProcess, partition


class Rig:
    """Faults on `pipeline`; `said` is what the terminal shows, `killed` the processes that got a signal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.out = io.StringIO()
        self.killed: list[tuple[int, int]] = []
        self.locked: list[str] = []
        self.orphans: list[FakeProcess] = []
        monkeypatch.setattr(os, "kill", lambda pid, number: self.killed.append((pid, number)))
        monkeypatch.setattr(psutil, "wait_procs", lambda _children, timeout: ([], self.orphans))
        monkeypatch.setattr(module, "lock_on", self.lock_on)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        ticks = iter(range(1_000_000))
        monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))

    @contextlib.contextmanager
    def lock_on(self, url: str, topic: str, number: int) -> Any:
        self.locked.append(f"lock {topic}/{number} by {url}")
        yield
        self.locked.append("unlock")

    def faults(self, pipeline: FakePipeline) -> DemoFaults:
        steps = Steps(Console(file=self.out, width=200))
        return DemoFaults(pipeline, "mysql://db", steps)  # type: ignore[arg-type]  # as much of a driver as they use

    @property
    def said(self) -> str:
        return self.out.getvalue()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


BEFORE = [partition(0, offset=10), partition(1, offset=20)]
LATER = [partition(0, offset=15), partition(1, offset=20)]


class TestMoving:
    def test_offsets_that_grow(self, rig: Rig) -> None:
        assert rig.faults(FakePipeline(BEFORE, BEFORE, [], LATER)).wait_moving() == LATER

    def test_offsets_that_stand_still(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match="still not: offsets move"):
            rig.faults(FakePipeline(BEFORE)).wait_moving()

    def test_partitions_that_do_not_run(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match="still not: all partitions run"):
            rig.faults(FakePipeline([])).wait_moving()


class TestKillOne:
    def test_the_process_is_killed_and_another_takes_its_place(self, rig: Rig) -> None:
        again = [partition(0, offset=15), partition(1, offset=20, pid=77)]
        pipeline = FakePipeline(BEFORE, LATER, LATER, LATER, again)
        rig.faults(pipeline).kill_one("writer", 1, lambda each: each.writer_pid)
        assert rig.killed == [(2001, signal.SIGKILL)]
        assert "kill -9 a writer in mid-stream" in rig.said
        assert "t/1: pid 2001 killed at offset 20, lag 80" in rig.said
        assert "the other 1 partitions never stopped" in rig.said

    def test_a_partition_at_rest_is_no_victim(self, rig: Rig) -> None:
        flowing = [partition(0, offset=15), partition(1, offset=100)]
        again = [partition(0, offset=15, pid=77), partition(1, offset=100)]
        rig.faults(FakePipeline(BEFORE, LATER, flowing, flowing, again)).kill_one("worker", 1, lambda each: each.pid)
        assert rig.killed == [(1000, signal.SIGKILL)]

    def test_no_partition_in_midstream(self, rig: Rig) -> None:
        at_rest = [partition(0, offset=100), partition(1, offset=0, end=0)]
        with pytest.raises(DriverError, match="still not: rows flow, and messages wait"):
            rig.faults(FakePipeline(BEFORE, at_rest)).kill_one("worker", 0, lambda each: each.pid)
        assert rig.killed == []

    def test_others_that_were_restarted_too_are_not_counted_as_untouched(self, rig: Rig) -> None:
        again = [partition(0, offset=15, pid=78), partition(1, offset=20, pid=77)]
        rig.faults(FakePipeline(BEFORE, LATER, LATER, LATER, again)).kill_one("worker", 0, lambda each: each.pid)
        assert "the other 0 partitions never stopped" in rig.said

    def test_a_partition_that_never_runs_again(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match="still not: t/0 runs again"):
            rig.faults(FakePipeline(BEFORE, LATER)).kill_one("worker", 0, lambda each: each.pid)

    def test_a_victim_whose_process_nobody_knows(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match="status names no worker of t/0"):
            rig.faults(FakePipeline(BEFORE, LATER)).kill_one("worker", 0, lambda _: None)
        assert rig.killed == []


class TestBackpressure:
    def test_what_the_log_says_while_the_row_is_locked_and_after(self, rig: Rig) -> None:
        pipeline = FakePipeline(BEFORE)
        pipeline.supervisor.lines = iter(
            [["activated before"], ["activated before"], ["activated before", " WARN activated now"], [], ["resolved"]]
        )
        rig.faults(pipeline).backpressure("t", 1)
        assert rig.locked == ["lock t/1 by mysql://db", "unlock"]
        assert "WARN activated now" in rig.said
        assert "resolved" in rig.said
        assert "activated before" not in rig.said

    def test_backpressure_that_never_comes(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match="still not: backpressure"):
            rig.faults(FakePipeline(BEFORE)).backpressure("t", 1)

    def test_backpressure_that_never_ends(self, rig: Rig) -> None:
        pipeline = FakePipeline(BEFORE)
        pipeline.supervisor.lines = iter([[], ["activated"]])
        with pytest.raises(DriverError, match="still not: backpressure is resolved"):
            rig.faults(pipeline).backpressure("t", 1)


class TestKillSupervisor:
    def test_all_its_processes_end_and_a_new_one_goes_on(self, rig: Rig) -> None:
        pipeline = FakePipeline(BEFORE, LATER, BEFORE, BEFORE, LATER)
        old = pipeline.supervisor.process
        rig.faults(pipeline).kill_supervisor()
        assert old.done == ["kill", "wait"]
        assert pipeline.said == ["supervise"]
        assert "all 2 processes of pid 500 gone" in rig.said

    def test_orphans_are_the_finding(self, rig: Rig) -> None:
        rig.orphans = [FakeProcess(2000)]
        pipeline = FakePipeline(BEFORE, LATER)
        with pytest.raises(DriverError, match="orphans: 2000"):
            rig.faults(pipeline).kill_supervisor()
        assert pipeline.said == []

    def test_a_new_one_that_moves_nothing(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match="still not: offsets move"):
            rig.faults(FakePipeline(BEFORE, LATER)).kill_supervisor()


@pytest.mark.parametrize(
    "fault",
    [
        lambda faults: faults.kill_one("worker", 0, lambda each: each.pid),
        lambda faults: faults.backpressure("t", 0),
        lambda faults: faults.kill_supervisor(),
    ],
)
def test_a_fault_after_the_stream_proves_nothing(rig: Rig, fault: Any) -> None:
    pipeline = FakePipeline(BEFORE, LATER)
    pipeline.load.process.code = 0
    with pytest.raises(DriverError, match="the producer was done before the last fault") as refused:
        fault(rig.faults(pipeline))
    assert "--messages" in refused.value.hint
    assert (rig.killed, rig.locked, pipeline.said) == ([], [], [])
