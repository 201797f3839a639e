"""The settings are read again while partitions run: what changes, what restarts, what waits, what is refused."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.run.topic_plans import TopicOrder, TopicsFound
from supervisor.run.wanted_topics import TopicSearch
from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.live_settings import AT_ONCE, BY_RESTART, LiveSettings, reader
from supervisor.settings.settings import load
from supervisor.settings.topic_choice import TopicChoice
from supervisor.steering.reload import _FIXED
from tests.support.fakes.fake_supervisor import Asked, Scene, Stage, drained, keep_to_the_stage, running, spec_of
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Ended

DONE = Ended(ExitCode.DONE, "", "")
PAYMENTS = dataclasses.replace(spec_of(0), key=PartitionKey("payments", 0))


@pytest.fixture(autouse=True)
def _no_side_effects(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level("INFO")
    keep_to_the_stage(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("supervisor.steering.row_limits._EVERY", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "supervisor-1.sock"


def write(text: str) -> None:
    Path("rtpipe.toml").write_text(text)


class NoPlans:
    """Kafka has no topic that is not served."""

    def find(self, order: TopicOrder, served: object, workers: object) -> TopicsFound:
        return TopicsFound(order, frozenset(), {})

    def free(self, groups: object) -> None:
        """Nobody holds any."""


def stage_at(path: Path, **options: Any) -> tuple[Stage, LiveSettings]:
    live = LiveSettings(load(), reader())
    limit: dict[str, Any] = {"rows_per_second": lambda topic: live.topic(topic).max_rows_per_second}
    return Stage(specs=[spec_of(0), PAYMENTS], control_socket=str(path), settings=live, **limit, **options), live


def orders(text: str) -> str:
    return f'[[topics]]\nmatch = "orders"\n{text}\n'


def all_run(stage: Stage) -> Scene:
    for made in stage.launch.made:
        made.link.say(running())
    yield lambda: set(stage.states()) == {"running"}


def test_workers_of_the_changed_topic_restart_and_others_go_on(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(orders("batch_rows = 100"))
    stage, live = stage_at(path)

    def scene() -> Scene:
        yield from all_run(stage)
        assert not live.keeps_journal()
        write(
            "drain_seconds = 7\n"
            + orders('batch_rows = 200\nlinger_ms = 20\njournal = true\non_error = "stop"\ntable = "other"')
        )
        dry = Asked(path, "reload", dry_run=True)
        yield dry.done
        assert dry.reply["restarted"] == []
        assert dry.reply["changes"] == [
            "orders: batch_rows 100 -> 200",
            "orders: linger_ms 1.0 -> 20.0",
            "orders: journal False -> True",
            "orders: on_error 'dead_letter' -> 'stop'",
        ]
        assert dry.reply["not_live"] == ["drain_seconds", "orders: table None -> 'other'"]
        assert stage.states() == ["running", "running"]
        asked = Asked(path, "reload")
        yield asked.done
        assert asked.reply == dry.reply | {"restarted": ["orders/0"]}
        assert stage.states() == ["stopping", "running"]
        stage.launch.made[0].die(0, DONE)
        yield stage.are("starting", "running")
        spec = stage.launch.last.spec
        assert (spec.limits.batch_rows, spec.limits.linger_seconds, spec.dead_letters) == (200, 0.02, False)
        assert spec.table == spec_of(0).table
        assert spec.journal
        assert live.keeps_journal()
        again = Asked(path, "reload")
        yield again.done
        assert (again.reply["changes"], again.reply["restarted"]) == ([], [])
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE
    events = [record.__dict__.get("event") for record in caplog.records]
    assert events.count("settings_reloaded") == 2


def served_by(live: LiveSettings, *, of_settings: bool) -> TopicSearch:
    plans: Any = NoPlans()
    return TopicSearch(TopicChoice(("orders", "payments")), plans, live.now, 60, of_settings=of_settings)


def test_topics_that_serve_names_no_more_are_given_up_and_new_ones_are_looked_for(path: Path) -> None:
    write('serve = ["orders", "payments"]')
    stage, _ = stage_at(path, topics=served_by(LiveSettings(load(), reader()), of_settings=True))

    def scene() -> Scene:
        yield from all_run(stage)
        write('serve = ["orders", "bank", "^shop"]')
        dry = Asked(path, "reload", dry_run=True)
        yield dry.done
        changes = [
            "bank: served from now on",
            "^shop: topics that fit are served from now on",
            "payments: drained and given up",
        ]
        assert dry.reply == {"changes": changes, "not_live": [], "notes": [], "restarted": []}
        assert stage.states() == ["running", "running"]
        asked = Asked(path, "reload")
        yield asked.done
        assert asked.reply == dry.reply
        assert stage.states() == ["running", "stopping"]
        refused = Asked(path, "resume", where=["payments/0"])
        yield refused.done
        assert refused.reply["refused"] == {"payments/0": "it is given up: taken out of the settings"}
        stage.launch.made[1].die(0, DONE)
        yield stage.are("running")
        status = Asked(path, "status")
        yield status.done
        assert [topic["topic"] for topic in status.reply["topics"]] == ["orders"]
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_topics_of_the_command_line_win_and_that_is_said(path: Path) -> None:
    stage, _ = stage_at(path, topics=served_by(LiveSettings(load(), reader()), of_settings=False))

    def scene() -> Scene:
        yield from all_run(stage)
        write('serve = ["orders"]')
        asked = Asked(path, "reload")
        yield asked.done
        assert asked.reply["notes"] == [_FIXED]
        assert (asked.reply["changes"], stage.states()) == ([], ["running", "running"])
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serve = []", "no topic given"),
        ('serve = ["^("]', "not a regular expression"),
        ('serve = ["orders", "bank"]\n[[topics]]\nmatch = "bank"\ntable = "orders"', "would all go to table orders"),
    ],
)
def test_what_cannot_be_served_changes_nothing(path: Path, text: str, said: str) -> None:
    write('serve = ["orders", "payments"]')
    stage, _ = stage_at(path, topics=served_by(LiveSettings(load(), reader()), of_settings=True))

    def scene() -> Scene:
        yield from all_run(stage)
        write(text)
        asked = Asked(path, "reload")
        yield asked.done
        assert said in asked.reply["error"]
        assert stage.states() == ["running", "running"]
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_sighup_takes_what_needs_no_restart_at_once(path: Path) -> None:
    stage, live = stage_at(path)

    def scene() -> Scene:
        yield from all_run(stage)
        write(orders("max_rows_per_second = 50\nlate_after = 7"))
        signal.raise_signal(signal.SIGHUP)
        yield lambda: stage.launch.made[0].paces == [50]
        assert live.topic("orders").late_after == 7
        assert stage.states() == ["running", "running"]
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_wrong_settings_change_nothing_and_are_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage, live = stage_at(path)

    def scene() -> Scene:
        yield from all_run(stage)
        write(orders("batch_rows = 0"))
        asked = Asked(path, "reload")
        yield asked.done
        assert "batch_rows" in asked.reply["error"]
        signal.raise_signal(signal.SIGHUP)
        yield lambda: "settings_refused" in [record.__dict__.get("event") for record in caplog.records]
        assert live.topic("orders") == TopicSettings()
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_a_run_without_settings_says_so(path: Path) -> None:
    stage = Stage(control_socket=str(path))

    def scene() -> Scene:
        asked = Asked(path, "reload")
        yield asked.done
        assert asked.reply == {"error": "this run has no settings to read again"}
        yield from drained(stage)

    assert stage.run(scene()) == ExitCode.DONE


def test_settings_are_read_as_at_the_start_though_the_environment_has_them_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RTPIPE_DRAIN_SECONDS", "7")
    read: Any = reader(bootstrap_servers="k:1")
    monkeypatch.delenv("RTPIPE_DRAIN_SECONDS")
    found = read()
    assert (found.drain_seconds, found.bootstrap_servers) == (7, "k:1")
    assert "RTPIPE_DRAIN_SECONDS" not in os.environ


def test_what_may_change_live_are_settings_of_topics() -> None:
    assert set(TopicSettings.model_fields) >= AT_ONCE | BY_RESTART
