"""Limits of topics, in the supervisor's loop: shared evenly, live, and told while they slow something down."""

from __future__ import annotations

import dataclasses
import getpass
from pathlib import Path

import pytest

from rtpipe.errors import ExitCode
from supervisor.steering.act_file import ActFile
from supervisor.steering.row_limits import LIMITS
from tests.support.fakes.fake_supervisor import (
    Asked,
    Scene,
    Stage,
    drained,
    keep_to_the_stage,
    progress,
    running,
    spec_of,
)
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Ended

DONE = Ended(ExitCode.DONE, "", "")


@pytest.fixture(autouse=True)
def _no_side_effects(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    keep_to_the_stage(monkeypatch)
    monkeypatch.setattr("supervisor.steering.row_limits._EVERY", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "supervisor-1.sock"


def test_a_limit_is_shared_by_those_who_run(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = dataclasses.replace(spec_of(0), key=PartitionKey("payments", 0))
    stage = Stage(specs=[spec_of(0), spec_of(1), other], control_socket=str(path))

    def scene() -> Scene:
        asked = Asked(path, "limit", where=["orders", "refunds"], rows_per_second=500)
        yield asked.done
        assert asked.reply == {"done": ["orders"], "refused": {}, "unknown": ["refunds"], "warning": ""}
        yield lambda: [made.paces for made in stage.launch.made] == [[250], [250], []]
        paused = Asked(path, "pause", where=["orders/1"])
        yield paused.done
        stage.launch.made[1].die(0, DONE)
        yield lambda: stage.launch.made[0].paces == [250, 500]
        off = Asked(path, "limit", where=["orders"], rows_per_second=0)
        yield off.done
        yield lambda: stage.launch.made[0].paces == [250, 500, 0]
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    told = [record for record in caplog.records if record.__dict__.get("event") == "topic_limited"]
    assert [record.__dict__["rows_per_second"] for record in told] == [500, 0]


def test_a_limit_of_the_settings_holds_from_the_start_and_for_each_generation() -> None:
    stage = Stage(rows_per_second={"orders": 70.0}.__getitem__)

    def scene() -> Scene:
        stage.launch.last.link.say(running())
        yield stage.are("running")
        stage.launch.last.die(-9)
        yield lambda: len(stage.launch.made) == 2
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    assert [made.spec.rows_per_second for made in stage.launch.made] == [70, 70]
    assert [made.paces for made in stage.launch.made] == [[], []]


def test_a_limit_outlives_the_supervisor_until_it_is_ended(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def asks(stage: Stage, rows: float) -> Scene:
        yield lambda: bool(stage.launch.made)
        asked = Asked(path, "limit", where=["orders"], rows_per_second=rows)
        yield asked.done
        assert asked.reply["done"] == ["orders"]
        yield from drained(stage)

    def looks(stage: Stage, limit: float) -> Scene:
        yield lambda: bool(stage.launch.made)
        said = Asked(path, "status")
        yield said.done
        assert said.reply["topics"][0]["row_limit"] == limit
        yield from drained(stage)

    def stage() -> Stage:
        limits = ActFile(LIMITS, tmp_path / "state", "db:3306/bank")
        return Stage(control_socket=str(path), limits=limits, rows_per_second={"orders": 70.0}.__getitem__)

    for scene, rows in ((asks, 500), (looks, 500), (asks, 0), (looks, 70)):
        one = stage()
        assert one.run(scene(one, rows)) == ExitCode.DONE
    kept = [record for record in caplog.records if record.__dict__.get("event") == "limit_kept"]
    assert [record.__dict__["rows_per_second"] for record in kept] == [500, 500]


@pytest.mark.parametrize("text", ["", '{"limited": {"orders": 7}}', '{"limited": {"orders": {"why": "x"}}}'])
def test_a_file_of_limits_that_is_none_is_told_and_limits_nothing(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = ActFile(LIMITS, tmp_path, "db")
    assert kept.write("group", {"orders": {"rows_per_second": 5.0, "why": "x"}}) == ""
    [path] = tmp_path.iterdir()
    path.write_text(text)
    assert kept.read("group") == {}
    assert "no limit that was set by hand holds for group" in caplog.text


def test_a_partition_is_throttled_only_while_its_limit_slows_it_down(path: Path) -> None:
    stage = Stage(control_socket=str(path))

    def scene() -> Scene:
        stage.launch.last.link.say(running())
        yield stage.are("running")
        asked = Asked(path, "limit", where=["orders"], rows_per_second=0.5)
        yield asked.done
        for slowed in (True, False):
            stage.launch.last.link.say(dataclasses.replace(progress(5, 9, rows=5, batches=1), slowed=slowed))
            yield lambda: not stage.launch.last.link.reports
            said = Asked(path, "status")
            yield said.done
            [one] = said.reply["partitions"]
            [topic] = said.reply["topics"]
            assert topic["row_limit"] == 0.5
            assert topic["row_limit_reason"].startswith("limited to 0.5 rows/s by ")
            assert one["condition"] == ("throttled" if slowed else "ok")
            limit = f"limited to 0.5 rows/s by {getpass.getuser()} at 20"
            assert one["condition_reason"].startswith(limit if slowed else "")
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


@pytest.mark.parametrize("more", [{}, {"rows_per_second": True}, {"rows_per_second": -1}, {"where": 7}])
def test_a_limit_that_is_none_is_refused(path: Path, more: dict[str, object]) -> None:
    stage = Stage(control_socket=str(path))

    def scene() -> Scene:
        asked = Asked(path, "limit", **({"where": ["orders"]} | more))
        yield asked.done
        assert "error" in asked.reply
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
