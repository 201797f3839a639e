"""`rtpipe demo` with a stack and a pipeline that are fakes: the order of its steps, its verdict, and what it leaves."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from rich.console import Console

from rtpipe.errors import ExitCode
from supervisor.demo import database_faults
from supervisor.demo import demo as module
from supervisor.demo.steps import Steps
from supervisor.demo.until import DriverError
from tests.support.fakes.fake_pipeline import FakePipeline, partition, verify_answer

#: What `load.finish` of the fake says, and what is produced after it.
SENT, MESSAGES = 40, 100


class Rig:
    """A demo of MESSAGES messages; `did` is everything that it asked of stack, faults and pipeline, in its order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.directory = directory
        self.out = io.StringIO()
        self.pipeline = FakePipeline([partition()])
        self.pipeline.commands.on_command["verify"] = lambda: verify_answer(MESSAGES)
        self.did = self.pipeline.said
        self.older: Any = None  #: the layout of a stack that an earlier demo left
        self.stack = SimpleNamespace(up=self.up, down=self.down, status=self.status)
        monkeypatch.setattr(module, "embedded_stack", self.stack)
        monkeypatch.setattr(module, "load_layout", lambda _: self.older)
        monkeypatch.setattr(module, "PipelineDriver", lambda *_, **__: self.pipeline)
        monkeypatch.setattr(module, "DemoFaults", lambda *_: self)

    def up(self, _directory: Path, console: Console) -> Any:
        self.did.append("up")
        return SimpleNamespace(database_url="mysql://db")

    def down(self, _directory: Path, *, console: Console, purge: bool = False) -> None:
        self.did.append("down --purge" if purge else "down")

    def status(self, _directory: Path) -> Any:
        return SimpleNamespace(services=[SimpleNamespace(name="kafka-1"), SimpleNamespace(name="mariadb")])

    def wait_moving(self) -> None:
        self.did.append("wait_moving")

    def kill_one(self, what: str, _first: int, pid_of: Any) -> None:
        self.did.append(f"kill {what} {pid_of(partition())}")

    def backpressure(self, topic: str, number: int) -> None:
        self.did.append(f"backpressure {topic}/{number}")

    def kill_supervisor(self) -> None:
        self.did.append("kill supervisor")

    def run(self, *, keep: bool = False) -> ExitCode:
        return module.demo(self.directory, MESSAGES, keep=keep, console=Console(file=self.out, width=200))


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rig:
    return Rig(monkeypatch, tmp_path / "demo")


def test_the_whole_story(rig: Rig) -> None:
    assert rig.run() is ExitCode.DONE
    assert [words.split(" --")[0] for words in rig.did] == [
        "up",
        "infra create",
        "supervise",
        "produce",
        "wait_moving",
        "kill worker 1000",
        "kill writer 2000",
        "backpressure dataset3/2",
        "kill supervisor",
        "finish the load",
        f"send {MESSAGES - SENT}",
        "verify",
        "stop",
        "down",
    ]
    said = rig.out.getvalue()
    assert "exactly once: proven" in said
    assert "infra up" in said
    assert "batch_rows" in (rig.directory / "rtpipe.toml").read_text()


def test_a_row_that_differs_is_not_proven(rig: Rig) -> None:
    rig.pipeline.commands.on_command["verify"] = lambda: verify_answer(MESSAGES, altered=1)
    assert rig.run() is ExitCode.DIFFERENT
    assert "exactly once: NOT proven" in rig.out.getvalue()
    assert "NOT equal" in rig.out.getvalue()


def test_fewer_rows_than_messages_are_not_proven_whatever_verify_says(rig: Rig) -> None:
    rig.pipeline.commands.on_command["verify"] = lambda: verify_answer(MESSAGES - 1)
    assert rig.run() is ExitCode.DIFFERENT


def test_what_is_kept_runs_on_and_is_explained(rig: Rig) -> None:
    assert rig.run(keep=True) is ExitCode.DONE
    assert not {"stop", "down"} & set(rig.did)
    assert f"kill {rig.pipeline.supervisor.process.pid} " in rig.out.getvalue()


def test_what_an_earlier_demo_left_is_removed(rig: Rig) -> None:
    rig.older = object()
    rig.directory.mkdir()
    (rig.directory / "supervise.log").write_text("of before")
    rig.run()
    assert rig.did[:2] == ["down --purge", "up"]
    assert not (rig.directory / "supervise.log").exists()


def test_a_failed_step_says_where_the_logs_are_and_leaves_nothing_running(rig: Rig) -> None:
    rig.pipeline.supervisor.caught_up = False
    with pytest.raises(DriverError, match="lag 0") as failed:
        rig.run()
    assert str(rig.directory) in failed.value.hint
    assert rig.did[-2:] == ["stop", "down"]
    assert "verify" not in " ".join(rig.did)


def test_before_the_stack_is_up_there_is_no_pipeline_to_stop(rig: Rig) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise DriverError("no disk", hint="make room")

    rig.stack.up = refuse
    with pytest.raises(DriverError, match="no disk") as failed:
        rig.run()
    assert failed.value.hint == "make room"
    assert rig.did == []


def test_a_step_is_printed_with_its_number_once_it_is_done() -> None:
    out = io.StringIO()
    steps = Steps(Console(file=out, width=80))
    with steps.step("first") as say:
        say("a result")
        assert out.getvalue() == ""
    with contextlib.suppress(DriverError), steps.step("second"):
        raise DriverError("no")
    lines = out.getvalue().splitlines()
    assert lines[0].startswith(" 1  first")
    assert lines[1:] == ["    a result"], "a step that failed is not printed as done"


class FakeConnection:
    def __init__(self, said: list[str], answers: dict[str, Any]) -> None:
        self._said, self._answers = said, answers

    def cursor(self) -> FakeConnection:
        return self

    def __enter__(self) -> FakeConnection:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, sql: str, arguments: Any) -> None:
        self._said.append(f"{sql.split(' FROM', maxsplit=1)[0]} {arguments}")
        if isinstance(answer := self._answers.get(sql.split(maxsplit=1)[0]), Exception):
            raise answer

    def fetchone(self) -> tuple[int]:
        return (77,)

    def rollback(self) -> None:
        self._said.append("rollback")

    def close(self) -> None:
        self._said.append("close")


class TestDatabaseFaults:
    @pytest.fixture
    def answers(self) -> dict[str, Any]:
        return {}

    @pytest.fixture
    def said(self, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> list[str]:
        found: list[str] = []

        def connect(**where: Any) -> FakeConnection:
            assert (where["host"], where["port"], where["user"], where["database"]) == ("h", 3307, "u", "bank")
            return FakeConnection(found, answers)

        monkeypatch.setattr(pymysql, "connect", connect)
        return found

    def test_a_row_is_locked_as_long_as_the_block_runs(self, said: list[str]) -> None:
        with database_faults.lock_on("mysql+pymysql://u:p@h:3307/bank", "t", 2):
            assert said == ["SELECT `offset` ('t', 2)"]
        assert said[1:] == ["rollback", "close"]

    def test_a_lock_is_let_go_where_the_block_fails(self, said: list[str]) -> None:
        with pytest.raises(DriverError), database_faults.lock_on("mysql+pymysql://u:p@h:3307/bank", "t", 2):
            raise DriverError("no backpressure")
        assert said[-1] == "close"

    @pytest.mark.parametrize("answer", [None, pymysql.err.OperationalError(1094, "Unknown thread id")])
    def test_a_connection_is_cut_also_one_that_is_gone(
        self, said: list[str], answers: dict[str, Any], answer: Exception | None
    ) -> None:
        answers["KILL"] = answer
        database_faults.cut_connection("mysql+pymysql://u:p@h:3307/bank", "t", 2)
        assert said == ["SELECT connection_id ('t', 2)", "KILL %s (77,)", "close"]
