"""What people ask of partitions, in the supervisor's loop: pause, resume, restart, drain; who it was, what stays."""

from __future__ import annotations

import getpass
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.lifecycle.requests import Verb, why_not
from supervisor.lifecycle.standing import Standing
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.steering.act_file import PAUSES, ActFile
from tests.support.fakes.fake_supervisor import Asked, Scene, Stage, drained, keep_to_the_stage, running, spec_of
from workers.contract.reports import Ended

DONE = Ended(ExitCode.DONE, "", "")
BAD = Ended(ExitCode.BAD_DATA, "E_DATA", "why")


@pytest.fixture(autouse=True)
def _no_side_effects(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    keep_to_the_stage(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "supervisor-1.sock"


@pytest.fixture
def stage(path: Path, tmp_path: Path) -> Stage:
    """Two partitions of orders."""
    return Stage(partitions=2, control_socket=str(path), pauses=ActFile(PAUSES, tmp_path / "state", "db:3306/bank"))


def all_run(stage: Stage) -> Scene:
    for made in stage.launch.made:
        made.link.say(running())
    yield lambda: set(stage.states()) == {"running"}


def done(*partitions: str, refused: dict[str, str] | None = None, unknown: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"done": list(partitions), "refused": refused or {}, "unknown": list(unknown), "warning": ""}


def test_a_paused_partition_drains_and_stays_until_it_is_resumed(
    stage: Stage, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "pause", where=["orders/0", "orders/7"])
        yield asked.done
        assert asked.reply == done("orders/0", unknown=("orders/7",))
        assert stage.states() == ["stopping", "running"]
        assert stage.launch.made[0].drained == [48.0]
        again = Asked(path, "pause", where=["orders/0"])
        yield again.done
        assert again.reply == done(refused={"orders/0": "it is paused already"})
        stage.launch.made[0].die(0, DONE)
        yield stage.are("paused", "running")
        said = Asked(path, "status")
        yield said.done
        first = said.reply["partitions"][0]
        assert (first["state"], first["condition"]) == ("paused", "paused")
        assert first["reason"].startswith(f"paused by {getpass.getuser()} at 20")
        assert first["reason"].endswith(" UTC")
        assert len(list((tmp_path / "state").iterdir())) == 1
        stage.watch.ids["orders"] = "new id"
        back = Asked(path, "resume", where=["orders"])
        yield back.done
        assert back.reply == done("orders/0", refused={"orders/1": "it runs"})
        yield lambda: len(stage.launch.made) == 3
        assert (stage.launch.last.spec.topic_id, stage.launch.last.spec.last_epoch) == ("new id", -1)
        assert not list((tmp_path / "state").iterdir())
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    acts = [record for record in caplog.records if hasattr(record, "user")]
    assert [record.__dict__["event"] for record in acts] == ["partition_paused", "partition_resumed"]
    assert {record.__dict__["user"] for record in acts} == {getpass.getuser()}


def test_a_run_of_which_all_is_paused_goes_on_and_a_pause_outlives_it(stage: Stage, path: Path, tmp_path: Path) -> None:
    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "pause", where=["orders"])
        yield asked.done
        for made in stage.launch.made:
            made.die(0, DONE)
        yield stage.are("paused", "paused")
        yield None
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    second = Stage(
        specs=[spec_of(0), spec_of(1), spec_of(2)],
        control_socket=str(path),
        pauses=ActFile(PAUSES, tmp_path / "state", "db:3306/bank"),
    )

    def later() -> Scene:
        assert second.states() == ["paused", "paused", "starting"]
        assert [str(made.spec.key) for made in second.launch.made] == ["orders/2"]
        resumed = Asked(path, "resume", where=["orders/1"])
        yield resumed.done
        yield second.are("paused", "starting", "starting")
        yield from drained(second)

    assert second.run(later()) == ExitCode.DONE
    assert list(ActFile(PAUSES, tmp_path / "state", "db:3306/bank").read(spec_of(0).group)) == ["orders/0"]
    assert ActFile(PAUSES, tmp_path / "state", "other:3306/bank").read(spec_of(0).group) == {}


def test_a_restart_counts_no_death_and_starts_at_once(stage: Stage, path: Path) -> None:
    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "restart", where=["orders/1"])
        yield asked.done
        assert stage.states() == ["running", "stopping"]
        stage.launch.made[1].die(0, DONE)
        yield stage.are("running", "starting")
        assert stage.workers[1].history.deaths.restarts.total() == 0
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_a_worker_that_dies_while_it_drains_is_paused_all_the_same(stage: Stage, path: Path) -> None:
    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "pause", where=["orders/1"])
        yield asked.done
        stage.launch.made[1].die(-9)
        yield stage.are("running", "paused")
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_what_is_drained_ends_for_good_and_with_the_last_one_the_run(stage: Stage, path: Path) -> None:
    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "drain", where=["orders"])
        yield asked.done
        stage.launch.made[0].die(0, DONE)
        yield stage.are("stopped", "stopping")
        resumed = Asked(path, "resume", where=["orders"])
        yield resumed.done
        why = "it was drained, and starts again only with the supervisor"
        assert resumed.reply == done(refused={"orders/0": why, "orders/1": why})
        stage.launch.made[1].die(0, DONE)
        yield None

    assert stage.run(scene()) == ExitCode.DONE


def test_a_signal_ends_what_is_being_paused(stage: Stage, path: Path) -> None:
    """A worker that went into the pause then would keep the run from its end."""

    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "pause", where=["orders"])
        yield asked.done
        signal.raise_signal(signal.SIGTERM)
        yield None
        late = Asked(path, "resume", where=["orders/0"])
        yield late.done
        assert late.reply == done(refused={"orders/0": "the supervisor ends"})
        for made in stage.launch.made:
            made.die(0, DONE)
        yield None

    assert stage.run(scene()) == ExitCode.DONE
    assert stage.states() == ["stopped", "stopped"]


def test_a_halted_partition_is_resumed_on_the_topic_of_now_and_a_dry_run_does_nothing(stage: Stage, path: Path) -> None:
    def scene() -> Scene:
        stage.launch.made[0].die(76, Ended(ExitCode.TOPIC_CHANGED, "E_TOPIC_ID", "another topic"))
        yield stage.are("halted", "starting")
        stage.watch.ids["orders"], stage.watch.cluster_id = "new id", "another cluster"
        refused = Asked(path, "pause", where=["orders/0"])
        yield refused.done
        assert refused.reply["refused"] == {"orders/0": "it is halted: repair the cause, then `rtpipe resume`"}
        dry = Asked(path, "resume", where=["orders"], dry_run=True)
        yield dry.done
        assert dry.reply == done("orders/0", refused={"orders/1": "it is started already"})
        assert stage.states() == ["halted", "starting"]
        asked = Asked(path, "resume", where=["orders/0"])
        yield asked.done
        yield stage.are("starting", "starting")
        assert (stage.launch.last.spec.topic_id, stage.launch.last.spec.cluster_id) == ("new id", "another cluster")
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_a_run_that_is_to_end_does_not_wait_for_a_pause(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.run.run_targets._PATIENCE", 0.01)
    stage = Stage(control_socket=str(path), targets={})

    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "pause", where=["orders"])
        yield asked.done
        stage.launch.last.die(0, DONE)
        yield None

    assert stage.run(scene()) == ExitCode.TEMPORARY
    assert stage.states() == ["halted"]
    assert "does not wait for it" in stage.workers[0].standing.reason


def test_a_state_directory_that_cannot_be_used_is_told_and_the_pause_holds(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    stage = Stage(control_socket=str(path), pauses=ActFile(PAUSES, tmp_path / "file" / "state", "db"))

    def scene() -> Scene:
        yield from all_run(stage)
        asked = Asked(path, "pause", where=["orders"])
        yield asked.done
        assert asked.reply["done"] == ["orders/0"]
        assert "are forgotten when the supervisor ends" in asked.reply["warning"]
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    assert "pauses_not_kept" in {record.__dict__.get("event") for record in caplog.records}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"paused": 7}', "\xff\x00"])
def test_a_file_of_pauses_that_is_none_is_told_and_pauses_nothing(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = ActFile(PAUSES, tmp_path, "db")
    assert kept.write("group", {"orders/0": "why"}) == ""
    assert kept.read("group") == {"orders/0": "why"}
    [path] = tmp_path.iterdir()
    path.write_text(text)
    assert kept.read("group") == {}
    assert "no partition of group starts paused" in caplog.text


@pytest.mark.parametrize("body", [b"[1]\n", b"7\n", b'{"command": "pause"}\n', b'{"command": "pause", "where": 7}\n'])
def test_no_request_harms_the_supervisor(stage: Stage, path: Path, body: bytes) -> None:
    def scene() -> Scene:
        yield from all_run(stage)
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(path))
            link.sendall(body)
            asked = Asked(path, "status")
            yield asked.done
            assert asked.reply["draining"] is False
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("state", WorkerState)
def test_every_verb_has_an_answer_in_every_state(verb: Verb, state: WorkerState) -> None:
    standing = Standing()
    standing.state = state
    allowed = {
        Verb.PAUSE: {"waiting", "starting", "running", "backoff", "quarantined"},
        Verb.RESUME: {"backoff", "quarantined", "halted", "paused"},
        Verb.RESTART: {"starting", "running", "backoff", "quarantined"},
        Verb.DRAIN: {"waiting", "starting", "running", "backoff", "quarantined", "paused"},
    }
    assert (why_not(verb, standing) == "") is (state.value in allowed[verb])


def test_a_resume_turns_a_pause_that_has_not_drained_yet_into_a_restart(stage: Stage, path: Path) -> None:
    def scene() -> Scene:
        yield from all_run(stage)
        for command in ("pause", "resume"):
            asked = Asked(path, command, where=["orders/0"])
            yield asked.done
            assert asked.reply == done("orders/0")
        stage.launch.made[0].die(0, DONE)
        yield stage.are("starting", "running")
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
