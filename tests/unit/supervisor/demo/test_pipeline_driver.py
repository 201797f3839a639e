"""The driver of demo and chaos: commands as small Python programs in the place of rtpipe, replies of supervisors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from supervisor.demo import watched_supervisor as module
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.demo.until import DriverError
from supervisor.status.facts.pipeline_status import PipelineStatus
from tests.support.fakes.fake_pipeline import FakeProcess, partition


@pytest.fixture
def driver(tmp_path: Path) -> PipelineDriver:
    return PipelineDriver(tmp_path, ["a", "b", "c"], {"RTPIPE_STACK_DIR": "/stack"})


class Commands:
    """What a driver runs, and what each command answers in turn: exit code, stdout, stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[tuple[int, str, str]] = []
        self.run: list[list[str]] = []
        self.environment: dict[str, str] = {}
        monkeypatch.setattr(subprocess, "run", self.answer)

    def answer(self, command: list[str], **how: Any) -> Any:
        assert command[:3] == [sys.executable, "-m", "rtpipe"]
        self.run.append(command[3:])
        self.environment = how["env"]
        code, stdout, stderr = self.answers.pop(0) if self.answers else (0, "", "")
        return SimpleNamespace(returncode=code, stdout=stdout, stderr=stderr)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(monkeypatch)


class TestRun:
    def test_a_command_sees_the_settings_of_the_driver_and_none_of_the_callers(
        self, commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("RTPIPE_DATABASE_URL", "of the caller")
        PipelineDriver(tmp_path, ["a"], {"RTPIPE_STACK_DIR": "/stack"}).commands.run("status")
        ours = {name: value for name, value in commands.environment.items() if name.startswith("RTPIPE_")}
        assert ours == {
            "RTPIPE_STACK_DIR": "/stack",
            "RTPIPE_RUNTIME_DIR": str(tmp_path / "run"),
            "RTPIPE_STATE_DIR": str(tmp_path / "state"),
            "RTPIPE_CONFIG": str(tmp_path / "rtpipe.toml"),
        }

    def test_an_exit_code_that_is_accepted(self, driver: PipelineDriver, commands: Commands) -> None:
        commands.answers = [(3, "different", "")]
        assert driver.commands.run("verify", accepted=(0, 3)) == "different"

    def test_any_other_is_the_finding_with_the_last_words(self, driver: PipelineDriver, commands: Commands) -> None:
        commands.answers = [(1, "", "one\ntwo\nthree\nfour\n")]
        with pytest.raises(DriverError, match=r"rtpipe infra ended with exit code 1: two \| three \| four"):
            driver.commands.run("infra", "create")

    def test_what_is_missing_is_shared_out_over_the_topics(self, driver: PipelineDriver, commands: Commands) -> None:
        assert driver.load.send(11) == 11
        found = [(words[2], words[words.index("--count") + 1]) for words in commands.run]
        assert found == [("a,b,c", "3"), ("a", "2")]
        commands.run.clear()
        assert driver.load.send(0) == 0
        assert commands.run == []


class TestProcesses:
    """Real processes, of a few lines of Python each."""

    @pytest.fixture
    def script(self, driver: PipelineDriver, monkeypatch: pytest.MonkeyPatch) -> Any:
        def use(text: str) -> None:
            monkeypatch.setattr(driver.commands, "_command", lambda _: [sys.executable, "-c", text])

        yield use
        for process in (driver.load._producer._process, driver.supervisor._supervisor._process):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def test_the_page_is_wanted_at_each_start(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        driver = PipelineDriver(tmp_path, ["a"], {"RTPIPE_STACK_DIR": "/stack"}, supervise=["--page"])
        started: list[tuple[str, ...]] = []
        monkeypatch.setattr(driver.supervisor._supervisor, "start", lambda *words: started.append(words))
        driver.supervisor.start()
        driver.supervisor.start()
        assert [words[-1] for words in started] == ["--page", "--page"]

    def test_none_was_started(self, driver: PipelineDriver) -> None:
        with pytest.raises(DriverError, match="no supervisor was started"):
            _ = driver.supervisor.process
        with pytest.raises(DriverError, match="no producer was started"):
            driver.load.finish()
        driver.stop()

    def test_how_much_a_producer_sent_is_its_last_word(self, driver: PipelineDriver, script: Any) -> None:
        script("""print('a warning'); print('{"sent": 17}')""")
        driver.load.start("--count", "17")
        driver.load.process.wait()
        assert driver.load.finish() == 17

    @pytest.mark.parametrize("code", [0, -signal.SIGTERM])
    def test_a_running_producer_is_asked_to_end(self, driver: PipelineDriver, code: int) -> None:
        """Also where the signal comes after its last word."""
        process = FakeProcess(5)
        process.ends_with = code
        driver.load._producer._process = process  # type: ignore[assignment]  # as much of one as it uses
        (driver.commands.directory / "produce.log").write_text('{"sent": 5}')
        assert driver.load.finish() == 5
        assert process.done == ["terminate", "wait"]

    def test_a_producer_that_the_signal_ended_before_its_last_word(self, driver: PipelineDriver) -> None:
        driver.load._producer._process = FakeProcess(5, -signal.SIGTERM)  # type: ignore[assignment]
        (driver.commands.directory / "produce.log").write_text("Traceback")
        with pytest.raises(DriverError, match="the producer ended with exit code -15: Traceback"):
            driver.load.finish()

    def test_a_producer_that_failed(self, driver: PipelineDriver, script: Any) -> None:
        script("raise SystemExit('no broker')")
        driver.load.start("--count", "1")
        driver.load.process.wait()
        with pytest.raises(DriverError, match="the producer ended with exit code 1: no broker"):
            driver.load.finish()

    def test_the_output_of_a_supervisor_is_its_log(self, driver: PipelineDriver, script: Any) -> None:
        assert driver.supervisor.log_lines("died") == []
        script("print('worker died'); print('worker claimed')")
        for _ in range(2):
            driver.supervisor.start()
            driver.supervisor.process.wait()
        assert driver.supervisor.log_lines("worker", "died") == ["worker died"] * 2
        assert driver.supervisor.descendants() == []

    def test_the_processes_of_a_supervisor(self, driver: PipelineDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        def process(pid: int) -> Any:
            return SimpleNamespace(children=lambda recursive: [pid, recursive])

        monkeypatch.setattr(psutil, "Process", process)
        driver.supervisor._supervisor._process = SimpleNamespace(pid=5)  # type: ignore[assignment]
        assert driver.supervisor.descendants() == [5, True]

    def test_what_does_not_end_in_time_is_killed(self, driver: PipelineDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        done: list[str] = []

        class Deaf:
            pid = 4321

            def poll(self) -> int | None:
                return None

            def terminate(self) -> None:
                done.append("terminate")

            def wait(self, seconds: float | None = None) -> None:
                if seconds is not None:
                    raise subprocess.TimeoutExpired("rtpipe", seconds)
                done.append("wait")

        monkeypatch.setattr(os, "killpg", lambda pid, number: done.append(f"{number.name} {pid}"))
        driver.supervisor._supervisor._process = Deaf()  # type: ignore[assignment]
        driver.stop()
        assert done == ["terminate", f"{signal.SIGKILL.name} 4321", "wait"]


class TestStatus:
    @pytest.fixture
    def replies(self, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
        """The partitions of a supervisor, for one question each."""
        found: list[list[Any]] = []

        def ask_all(_: Path, command: str) -> list[Any]:
            assert command == "status"
            shown = found.pop(0) if len(found) > 1 else found[0]
            return [PipelineStatus(1, 1.0, False, tuple(shown)).to_json()] if shown else []

        monkeypatch.setattr(module, "ask_all", ask_all)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        return found

    def test_all_run_or_none_is_given(self, driver: PipelineDriver, replies: list[list[Any]]) -> None:
        first, second = partition(0), partition(1)
        replies += [[], [first, partition(1, state="waiting")], [first, partition(1, writer_pid=None)], [first, second]]
        assert [driver.supervisor.running() for _ in range(4)] == [[], [], [], [first, second]]

    def test_caught_up_is_no_lag_on_any_partition(self, driver: PipelineDriver, replies: list[list[Any]]) -> None:
        done, behind = partition(0, offset=100), partition(1, offset=99)
        replies += [[], [done, behind], [done, partition(1, offset=100)]]
        driver.supervisor.wait_caught_up()
        assert len(replies) == 1
