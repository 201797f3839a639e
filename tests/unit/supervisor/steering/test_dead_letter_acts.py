"""A retry or a drop is told to the supervisor of the topic: who, when, what became of how many."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.control.control_socket import ask_all
from supervisor.steering.dead_letter_acts import COMMAND, tell_dropped, tell_retried
from tests.support.fakes.fake_supervisor import Asked, Scene, Stage, drained, keep_to_the_stage


@pytest.fixture(autouse=True)
def _no_side_effects(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    keep_to_the_stage(monkeypatch)


def test_who_retried_and_dropped_what_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "run" / "supervisor-1.sock"
    stage = Stage(control_socket=str(path))

    def scene() -> Scene:
        retried = Asked(path, COMMAND, verb="retried", topics={"orders": {"written": 3, "refused": 1}, "not ours": {}})
        yield retried.done
        assert retried.reply == {"done": ["orders"]}
        dropped = Asked(path, COMMAND, verb="dropped", topics={"orders": {"dropped": 2}})
        yield dropped.done
        for verb, topics in (("eaten", {}), ("dropped", None), ("dropped", {"orders": 3})):
            wrong = Asked(path, COMMAND, verb=verb, topics=topics)
            yield wrong.done
            assert "error" in wrong.reply
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    records: list[dict[str, Any]] = [vars(record) | {"text": record.getMessage()} for record in caplog.records]
    told = {one["event"]: one["text"] for one in records if "dead_letters" in one.get("event", "")}
    by = f"by {getpass.getuser()} (pid "
    assert told["dead_letters_retried"].startswith(f"orders: dead letters retried: 1 refused, 3 written, {by}")
    assert told["dead_letters_dropped"].startswith(f"orders: dead letters: 2 dropped {by}")


@pytest.mark.parametrize(
    ("said", "told"), [("10.0.0.7", "10.0.0.7"), ("x\ny", "an unknown address"), (7, ""), ("", "")]
)
def test_an_act_on_the_page_says_so_and_from_which_address(
    said: Any, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run" / "supervisor-1.sock"
    stage = Stage(control_socket=str(path))

    def scene() -> Scene:
        retried = Asked(path, COMMAND, verb="retried", topics={"orders": {"written": 3}}, page_client=said)
        yield retried.done
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    [record] = [one for one in caplog.records if vars(one).get("event") == "dead_letters_retried"]
    assert vars(record).get("page_client", "") == told
    assert (f"by the operator at {told} on the page of {getpass.getuser()} (pid" in record.getMessage()) == bool(told)


def test_a_command_that_the_page_runs_tells_for_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("supervisor.steering.dead_letter_acts.ask_all", lambda *_, **more: asked.append(more))
    monkeypatch.setenv("RTPIPE_PAGE_CLIENT", "10.0.0.7")
    tell_dropped(tmp_path, {"orders": 1})
    assert asked[0]["page_client"] == "10.0.0.7"


def test_without_a_supervisor_nobody_is_told(tmp_path: Path) -> None:
    tell_retried(tmp_path, {"orders": {"written": 1}})
    tell_dropped(tmp_path, {})
    assert not ask_all(tmp_path, "status")
