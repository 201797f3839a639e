"""`rtpipe chaos` on a pipeline that is a fake: each fault, each way in which it fails, and what its report says."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from supervisor.demo.chaos import chaos_faults as module
from supervisor.demo.chaos import chaos_run
from supervisor.demo.chaos.chaos import Chaos
from supervisor.demo.chaos.chaos_faults import HOST_KINDS, KINDS
from supervisor.demo.chaos.chaos_hosts import ChaosHosts, hosts_of, send
from supervisor.demo.chaos.chaos_report import ChaosReport, Fault
from supervisor.demo.chaos.chaos_view import print_report
from supervisor.demo.until import DriverError, until
from supervisor.settings.settings import Settings
from tests.support.fakes.fake_pipeline import FakePipeline, FakeProcess, FakeSupervisor, partition, verify_answer

BEFORE = [partition(0, offset=10), partition(1, offset=10)]
AFTER = [partition(0, offset=11), partition(1, offset=11)]


class Stream(FakePipeline):
    """Its partitions commit one message between two questions."""

    def __init__(self, *, stuck: tuple[int, ...] = ()) -> None:
        super().__init__(BEFORE)
        self.supervisor = StreamingSupervisor(self.said, stuck)


class StreamingSupervisor(FakeSupervisor):
    """Partitions in `stuck` do not move."""

    def __init__(self, said: list[str], stuck: tuple[int, ...]) -> None:
        super().__init__(said, BEFORE)
        self.stuck = stuck
        self.asked = 0

    def running(self) -> Any:
        self.asked += 1
        return [partition(number, offset=10 if number in self.stuck else 10 + self.asked) for number in (0, 1)]


class Rig:
    """What was done to processes and to the database; time passes by a tenth of a second for each look at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.orphans: list[FakeProcess] = []
        self.children: list[Any] = []
        self.gone: set[int] = set()
        self.now = 0.0
        monkeypatch.setattr(os, "kill", self.kill)
        monkeypatch.setattr(psutil, "wait_procs", lambda _children, timeout: ([], self.orphans))
        monkeypatch.setattr(psutil, "Process", lambda _pid: SimpleNamespace(children=lambda: self.children))
        monkeypatch.setattr(module, "cut_connection", lambda _, topic, at: self.done.append(f"cut {topic}/{at}"))
        monkeypatch.setattr(module, "lock_on", self.lock_on)
        monkeypatch.setattr(time, "sleep", self.pass_time)
        monkeypatch.setattr(time, "monotonic", lambda: self.pass_time(0.1))

    def pass_time(self, seconds: float) -> float:
        self.now += seconds
        return self.now

    def kill(self, pid: int, number: int) -> None:
        self.done.append(f"{signal.Signals(number).name} {pid}")
        if pid in self.gone:
            raise ProcessLookupError

    @contextlib.contextmanager
    def lock_on(self, _url: str, topic: str, number: int) -> Any:
        self.done.append(f"lock {topic}/{number}")
        yield
        self.done.append("unlock")

    def chaos(self, pipeline: FakePipeline, *others: FakeSupervisor) -> Chaos:
        """`others`: more supervisors than the pipeline's own."""
        pipeline.commands.on_command.setdefault("verify", lambda: verify_answer(99))
        hosts = ChaosHosts([pipeline.supervisor, *others], 2)  # type: ignore[list-item]  # as much as it uses
        return Chaos(pipeline, hosts, "mysql://db", 7, self.done.append)  # type: ignore[arg-type]

    def one_of(self, kind: str, pipeline: FakePipeline, *others: FakeSupervisor) -> ChaosReport:
        """A run of one fault of this kind."""
        return self.chaos(pipeline, *others).run(0.5, 100, [kind])


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def helper(pid: int, *words: str, ended: bool = False) -> Any:
    def cmdline() -> list[str]:
        if ended:
            raise psutil.NoSuchProcess(pid)
        return list(words)

    return SimpleNamespace(pid=pid, cmdline=cmdline)


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "does"),
        [
            ("kill worker", ["SIGKILL 100"]),
            ("kill writer", ["SIGKILL 200"]),
            ("freeze worker", ["SIGSTOP 100", "SIGCONT 100"]),
            ("freeze writer", ["SIGSTOP 200", "SIGCONT 200"]),
            ("lock row", ["lock t/", "unlock"]),
            ("cut connection", ["cut t/"]),
        ],
    )
    def test_each_hits_one_partition_and_its_recovery_is_waited_for(self, rig: Rig, kind: str, does: list[str]) -> None:
        report = rig.one_of(kind, Stream())
        fault = report.faults[0]
        assert (fault.kind, fault.recovery > 0, report.ok) == (kind, True, True)
        for found, wanted in zip(rig.done, does, strict=False):
            assert found.startswith(wanted)
        assert f"{kind:<16} {fault.partition:<16} back after" in rig.done[len(does)]

    def test_a_process_that_is_gone_already_is_no_failure(self, rig: Rig) -> None:
        rig.gone = {1000, 1001}
        assert rig.one_of("kill worker", Stream()).faults

    def test_a_process_that_status_does_not_know_gets_no_signal(self, rig: Rig) -> None:
        send(None, signal.SIGKILL)
        assert rig.done == []

    def test_a_partition_that_never_commits_again_is_the_finding(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match=r"after 120 s still not: kill worker t/[01]: committing again"):
            rig.one_of("kill worker", Stream(stuck=(0, 1)))

    def test_a_killed_supervisor_is_started_again_and_every_partition_must_move(self, rig: Rig) -> None:
        pipeline = Stream()
        faults = rig.one_of("kill supervisor", pipeline).faults
        assert pipeline.said.count("supervise") == 1 + len(faults)
        assert pipeline.supervisor.processes[1].done == ["kill", "wait"]
        with pytest.raises(DriverError, match="committing again"):
            rig.one_of("kill supervisor", Stream(stuck=(1,)))

    def test_orphans_of_a_killed_supervisor_end_the_run(self, rig: Rig) -> None:
        rig.orphans = [FakeProcess(1000), FakeProcess(2000)]
        with pytest.raises(DriverError, match="orphans after the supervisor's death: 1000, 2000"):
            rig.one_of("kill supervisor", Stream())

    def test_only_helpers_of_multiprocessing_are_killed_as_forkserver(self, rig: Rig) -> None:
        words = ("python", "-c", "from multiprocessing.forkserver import main")
        forkserver, worker, other = helper(1, *words), helper(1000, *words), helper(2, "sleep", "1")
        rig.children = [helper(3, ended=True), forkserver, worker, other]
        assert rig.one_of("kill forkserver", Stream()).ok
        assert [one for one in rig.done if one.startswith("SIG")] == ["SIGKILL 1"]


class Host(StreamingSupervisor):
    """One of two hosts; it has one partition, or both while the other one is away."""

    def __init__(self, said: list[str], number: int, other: Host | None = None) -> None:
        super().__init__(said, ())
        self.number = number
        self.processes = [FakeProcess(500 + number)]
        self.children = [FakeProcess(1000 + number), FakeProcess(2000 + number)]
        self.away = False
        self.other = other
        if other is not None:
            other.other = self

    def start(self) -> None:
        self.said.append(f"start {self.number}")
        self.away = False

    def running(self) -> Any:
        self.asked += 1
        assert self.other is not None
        its = range(2) if self.other.away else [self.number]
        return [] if self.away else [partition(number, offset=10 + self.asked) for number in its]


class TestHosts:
    @pytest.fixture
    def pipeline(self, rig: Rig) -> FakePipeline:
        found = Stream()
        found.supervisor = Host(found.said, 0)
        return found

    def test_a_host_that_is_killed_comes_back_once_another_one_has_what_it_had(
        self, rig: Rig, pipeline: FakePipeline
    ) -> None:
        other = Host(pipeline.said, 1, pipeline.supervisor)  # type: ignore[arg-type]
        kill = rig.kill

        def killed(pid: int, number: int) -> None:
            kill(pid, number)
            [host] = [host for host in (pipeline.supervisor, other) if pid % 10 == host.number]  # type: ignore[attr-defined]
            host.process.code, host.away = -9, True  # type: ignore[attr-defined]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "kill", killed)
            report = rig.one_of("kill host", pipeline, other)
        [number] = {pid[-1] for pid in rig.done[:3]}
        assert rig.done[:3] == [f"SIGKILL 50{number}", f"SIGKILL 100{number}", f"SIGKILL 200{number}"]
        assert pipeline.said[3] == f"start {number}"
        assert report.ok

    def test_a_host_that_is_frozen_goes_on_once_another_one_has_what_it_had(
        self, rig: Rig, pipeline: FakePipeline
    ) -> None:
        other = Host(pipeline.said, 1, pipeline.supervisor)  # type: ignore[arg-type]
        kill = rig.kill

        def signalled(pid: int, number: int) -> None:
            kill(pid, number)
            [host] = [host for host in (pipeline.supervisor, other) if pid % 10 == host.number]  # type: ignore[attr-defined]
            host.away = number == signal.SIGSTOP  # type: ignore[attr-defined]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "kill", signalled)
            assert rig.one_of("freeze host", pipeline, other).ok
        assert [one.split()[0] for one in rig.done[:6]] == ["SIGSTOP"] * 3 + ["SIGCONT"] * 3

    @pytest.mark.parametrize(
        ("kind", "does"), [("kill member", ["SIGKILL 7"]), ("freeze member", ["SIGSTOP 7", "SIGCONT 7"])]
    )
    def test_the_member_alone_is_hit(self, rig: Rig, pipeline: FakePipeline, kind: str, does: list[str]) -> None:
        other = Host(pipeline.said, 1, pipeline.supervisor)  # type: ignore[arg-type]
        rig.children = [helper(6, "supervisor.hosts.host_process"), helper(7, "supervisor.membership.member_process")]
        assert rig.one_of(kind, pipeline, other).ok
        assert rig.done[: len(does)] == does

    def test_a_partition_that_two_hosts_run_runs_on_none_for_sure(self) -> None:
        hosts: list[Any] = [FakeSupervisor([], BEFORE), FakeSupervisor([], BEFORE[:1])]
        assert not ChaosHosts(hosts, 2).running()
        assert list(ChaosHosts(hosts[:1], 2).running()) == ["t/0", "t/1"]
        assert not ChaosHosts(hosts[:1], 3).running()

    def test_one_that_is_still_frozen_at_the_end_can_end(self, rig: Rig) -> None:
        host: Any = FakeSupervisor([], BEFORE)
        hosts = ChaosHosts([host], 2)
        hosts.freeze(host)
        hosts.stop()
        assert rig.done == [f"{name} {pid}" for name in ("SIGSTOP", "SIGCONT") for pid in (500, 1000, 2000)]
        assert host.said == ["stop"]

    def test_each_has_directories_and_a_name_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "rtpipe.toml").write_text("as it is")
        first, second = hosts_of(tmp_path, 2, "t", {"RTPIPE_X": "y"})
        assert first.log.parent != second.log.parent
        assert (second.log.parent / "rtpipe.toml").read_text() == "as it is"
        [ours, theirs] = [host._supervisor._commands._environment for host in (first, second)]
        assert (ours["RTPIPE_INSTANCE_ID"], theirs["RTPIPE_INSTANCE_ID"]) == ("host-1", "host-2")
        assert ours["RTPIPE_MEMBERSHIP_GROUP"] == theirs["RTPIPE_MEMBERSHIP_GROUP"] == "members-t"
        assert ours["RTPIPE_STATE_DIR"] != theirs["RTPIPE_STATE_DIR"]


class TestRun:
    def test_the_stream_outlasts_the_faults_and_the_pipeline_is_drained(self, rig: Rig) -> None:
        pipeline = Stream()
        report = rig.chaos(pipeline).run(2.0, 300, KINDS)
        assert pipeline.said[:2] == ["supervise", "produce --duration 122.0 --rate 300 --seed 7"]
        assert pipeline.said[-2:] == ["finish the load", "verify --topics t --values --json"]
        assert pipeline.supervisor.process.done == ["terminate", "wait"]
        assert (report.seed, report.rows) == (7, 99)

    def test_the_same_seed_gives_the_same_faults(self, rig: Rig) -> None:
        first, second = (rig.chaos(Stream()).run(20.0, 300, KINDS).faults for _ in range(2))
        both = min(len(first), len(second))
        assert both > 2
        assert [(f.kind, f.partition) for f in first[:both]] == [(f.kind, f.partition) for f in second[:both]]
        assert {fault.kind for fault in first} <= set(KINDS)

    def test_what_verify_finds_is_in_the_report(self, rig: Rig) -> None:
        pipeline = Stream()
        pipeline.commands.on_command["verify"] = lambda: verify_answer(
            98, missing=1, extra=2, altered=3, not_consumed=4
        )
        report = rig.chaos(pipeline).run(0, 300, KINDS)
        facts = report.to_json()
        assert (facts["lost"], facts["doubled"], facts["altered"], facts["ok"]) == (5, 2, 3, False)

    def test_processes_that_outlive_the_drain_are_orphans(self, rig: Rig) -> None:
        rig.orphans = [FakeProcess(1000)]
        report = rig.chaos(Stream()).run(0, 300, KINDS)
        assert (report.orphans, report.ok) == (1, False)

    def test_a_pipeline_that_never_starts(self, rig: Rig) -> None:
        with pytest.raises(DriverError, match="still not: all partitions run"):
            rig.chaos(FakePipeline([])).run(1, 300, KINDS)

    def test_a_pipeline_that_never_catches_up(self, rig: Rig) -> None:
        pipeline = FakePipeline([partition(0), partition(1)])
        with pytest.raises(DriverError, match="lag 0"):
            rig.chaos(pipeline).run(0, 300, KINDS)


class TestReport:
    def test_quantiles_of_all_and_of_one_kind(self) -> None:
        kills = (Fault("kill worker", "t/0", float(number)) for number in range(101))
        faults = (*kills, Fault("lock row", "t/0", 500.0))
        report = ChaosReport(1, 0, faults, 0)
        assert report.recovery(0.5, "kill worker") == 50
        assert report.recovery(0.99, "kill worker") == 99
        assert report.recovery(0.99, "lock row") == 500, "of one fault"
        assert report.recovery(0.5, "cut connection") == 0, "of none"

    def test_as_a_person_reads_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_report(ChaosReport(42, 1_000, (Fault("lock row", "t/0", 1.5),), 2, {"extra": 3}))
        said = capsys.readouterr().out
        assert "1 faults, 1,000 rows: 0 lost, 3 doubled, 0 altered, 2 orphans   (seed 42)" in said
        assert any(line.split() == ["lock", "row", "1", "1.50", "1.50"] for line in said.splitlines())


class TestRunChaos:
    @pytest.fixture
    def pipeline(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
        made = Stream()
        made.commands.on_command["verify"] = lambda: verify_answer(99)

        def driver(directory: Any, topics: list[str], environment: dict[str, str]) -> FakePipeline:
            assert "batch_rows = 500" in (directory / "rtpipe.toml").read_text()
            [schema] = json.loads((directory / "schema_before.json").read_text())
            assert [schema["name"]] == topics
            assert all(name.startswith("RTPIPE_") for name in environment)
            return made

        monkeypatch.setattr(chaos_run, "PipelineDriver", driver)
        return made

    def test_a_topic_and_a_table_of_its_own(self, pipeline: FakePipeline) -> None:
        lines: list[str] = []
        report = chaos_run.run_chaos(Settings(), lines.append, duration=0, rate=5, partitions=2, seed=11)
        assert (report.ok, report.seed, pipeline.said[-1]) == (True, 11, "stop")
        assert pipeline.said[0].startswith("infra create --schemas ")
        assert pipeline.said[0].endswith(" --partitions 2")
        assert lines[0].startswith("seed 11, topic and table chaos_11_")
        assert len(lines) == 1

    def test_of_a_run_that_finds_something_the_logs_stay(self, pipeline: FakePipeline) -> None:
        lines: list[str] = []
        pipeline.commands.on_command["verify"] = lambda: verify_answer(99, missing=1)
        chaos_run.run_chaos(Settings(), lines.append, duration=0, rate=5, partitions=2, seed=11)
        kept = Path(lines[-1].removeprefix("the logs are in "))
        assert (kept / "rtpipe.toml").exists()
        shutil.rmtree(kept)

    def test_hosts_have_more_that_may_happen_to_them(
        self, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kinds: list[str] = []
        monkeypatch.setattr(chaos_run, "hosts_of", lambda *_: [pipeline.supervisor])

        def run(_: Chaos, _duration: float, _rate: int, of: Sequence[str]) -> ChaosReport:
            kinds.extend(of)
            return ChaosReport(1, 2, (), 0)

        monkeypatch.setattr(Chaos, "run", run)
        for hosts in (1, 2):
            chaos_run.run_chaos(Settings(), print, duration=0, rate=5, partitions=2, seed=1, hosts=hosts)
        assert kinds == [*KINDS, *KINDS, *HOST_KINDS]

    def test_without_a_seed_one_is_chosen_and_reported(self, pipeline: FakePipeline) -> None:
        report = chaos_run.run_chaos(Settings(), lambda _: None, duration=0, rate=5, partitions=2, seed=None)
        assert 0 <= report.seed < 10**6

    def test_whatever_happens_the_processes_are_ended(self, pipeline: FakePipeline) -> None:
        def refuse() -> str:
            raise DriverError("no Kafka")

        pipeline.commands.on_command["infra"] = refuse
        with pytest.raises(DriverError, match="no Kafka"):
            chaos_run.run_chaos(Settings(), lambda _: None, duration=0, rate=5, partitions=2, seed=1)
        assert pipeline.said[-1] == "stop"


def test_until_asks_again_until_the_answer_is_true(rig: Rig) -> None:
    answers = iter([None, 0, "yes"])
    assert until(lambda: next(answers), "an answer") == "yes"
    with pytest.raises(DriverError, match="after 2 s still not: an answer"):
        until(lambda: None, "an answer", 2)
