"""The message at which a partition is halted is stepped over; where there is none, that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtpipe.errors import ExitCode
from tests.support.fakes.fake_supervisor import Asked, Scene, Stage, drained, keep_to_the_stage, running
from workers.contract.errors import DataError
from workers.contract.reports import Ended

BAD = Ended.by(DataError("orders/0 offset 7 E_VALUE: too long", hint="mend it").at(7))


@pytest.fixture(autouse=True)
def _no_side_effects(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    keep_to_the_stage(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "supervisor-1.sock"


def test_a_halted_partition_goes_on_with_the_offset_to_step_over(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(partitions=2, control_socket=str(path))

    def scene() -> Scene:
        stage.launch.made[0].die(65, running(), BAD)
        yield stage.are("halted", "starting")
        both = Asked(path, "step-over", where=["orders"])
        yield both.done
        assert "one partition at a time" in both.reply["error"]
        dry = Asked(path, "step-over", where=["orders/0"], dry_run=True)
        yield dry.done
        assert dry.reply["message"] == "orders/0 offset 7 E_VALUE: too long (mend it)"
        assert stage.states() == ["halted", "starting"]
        asked = Asked(path, "step-over", where=["orders/0"])
        yield asked.done
        assert asked.reply["done"] == ["orders/0"]
        yield stage.are("starting", "starting")
        assert (stage.launch.last.spec.step_over, stage.launch.last.spec.last_epoch) == (7, -1)
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    [told] = [record.__dict__ for record in caplog.records if record.__dict__.get("event") == "message_stepped_over"]
    assert (told["partition"], told["offset"]) == ("orders/0", 7)


def test_without_a_message_to_step_over_it_says_why(path: Path) -> None:
    stage = Stage(partitions=2, control_socket=str(path))

    def scene() -> Scene:
        stage.launch.made[0].die(78, Ended(ExitCode.BAD_SETUP, "E_SETUP", "no table"))
        yield stage.are("halted", "starting")
        for partition, why in (
            ("orders/0", "it is not halted at a message that is no row, but for another reason: no table"),
            ("orders/1", "it is starting, and only a halted partition has a message to step over"),
        ):
            asked = Asked(path, "step-over", where=[partition])
            yield asked.done
            assert asked.reply["refused"] == {partition: why}
            assert asked.reply["done"] == []
        nobody = Asked(path, "step-over", where=["orders/9"])
        yield nobody.done
        assert nobody.reply["unknown"] == ["orders/9"]
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.BAD_SETUP
