"""The history and the status of a run, by real deaths: what a person on call asks for the morning after."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.supervision import finish, replaced, running
from tests.support.waits import eventually

if TYPE_CHECKING:
    import subprocess

    from infra.stack.state import Addresses


def history(pipeline: Pipeline, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(pipeline.run("history", *arguments, "--json").stdout)["events"]
    return found


def writer_of_history(supervisor: subprocess.Popen[bytes]) -> int | None:
    children = psutil.Process(supervisor.pid).children()
    return next((child.pid for child in children if "supervisor.history.history_process" in child.cmdline()), None)


def test_a_death_is_in_status_logs_and_history_and_the_historys_own_death_harms_nothing(
    stack: Addresses, tmp_path: Path
) -> None:
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream():
            victim = eventually(lambda: running(pipeline), within=60)[0]
            where = f"{victim['topic']}/{victim['partition']}"
            eventually(lambda: pipeline.status()[0]["batches"], within=60, what="it has committed")
            kill(victim["writer_pid"])
            eventually(lambda: replaced(pipeline, victim["pid"]), within=60, what="it is replaced")
            [told] = [one for one in pipeline.status() if one["partition"] == victim["partition"]]
            [death] = told["deaths"]
            assert (death["process"], death["exit_code"], death["pid"]) == ("writer", -9, victim["writer_pid"])
            assert death["offset"] >= victim["offset"]
            assert told["troubles"][0]["name"] == "E_WORKER_DIED"
            assert told["server"]["version"]
            writer = eventually(lambda: writer_of_history(supervisor) or 0, within=60)
            kill(writer)
            eventually(lambda: pipeline.events("companion_died"), within=30)
            eventually(
                lambda: writer_of_history(supervisor) not in {writer, None}, within=60, what="another one writes"
            )
        named = {"worker_claimed", "worker_died"}
        live = pipeline.run("logs", where, "--json").stdout.splitlines()
        assert named <= {json.loads(line)["event"] for line in live}
        finish(pipeline, supervisor)
        pipeline.assert_exact()
        kept = history(pipeline, where)
        assert named | {"companion_died", "drain_started", "stopped"} <= {event["event"] for event in kept}
        assert len({(event["number"], event["event"]) for event in kept}) == len(kept)
        [died] = [event for event in kept if event["event"] == "worker_died"]
        assert (died["partition"], died["more"]["died_process"]) == (where, "writer")
        other = f"{victim['topic']}/{victim['partition'] + 1}"
        assert "worker_died" not in {event["event"] for event in history(pipeline, other)}
        assert "nothing happened" in pipeline.run("history", "--since", "1d", "--until", "2h").stdout


def test_a_disk_without_room_for_the_history_holds_up_no_row(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path) as pipeline:
        (pipeline.directory / "state").write_text("in the way")
        supervisor = pipeline.supervise()
        pipeline.produce(300)
        pipeline.wait_caught_up()
        eventually(lambda: pipeline.events("history_failed"), within=30)
        finish(pipeline, supervisor)
        pipeline.assert_exact()


def test_a_late_partition_says_so_until_it_has_caught_up(stack: Addresses, tmp_path: Path) -> None:
    """Messages are as old as their time stamps say, also those that came while nobody read."""
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        pipeline.produce(200)
        late = {"RTPIPE_DEFAULTS": json.dumps({"late_after": 1, "batch_rows": 1, "linger_ms": 0, "queue_batches": 1})}
        victim: list[dict[str, Any]] = []
        supervisor = pipeline.supervise(env=late)
        eventually(lambda: pipeline.status() and pipeline.status()[0]["offset"], within=60)
        victim = pipeline.status()
        os.kill(victim[0]["writer_pid"], signal.SIGSTOP)
        pipeline.produce(50)
        told = eventually(
            lambda: [one for one in pipeline.status() if one["condition"] == "late"], within=60, what="it is late"
        )
        assert told[0]["lag_seconds"] > 1
        os.kill(victim[0]["writer_pid"], signal.SIGCONT)
        pipeline.wait_caught_up()
        eventually(lambda: pipeline.status()[0]["condition"] == "ok", within=30)
        eventually(lambda: pipeline.status()[0]["lag_seconds"] == 0, within=30, what="nothing is left")
        assert pipeline.events("condition_late")
        eventually(lambda: pipeline.events("condition_ok"), within=30)
        finish(pipeline, supervisor)


def test_events_of_the_workers_own_logs_are_there_too(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        supervisor = pipeline.supervise()
        topic = pipeline.topics[0]
        eventually(lambda: running(pipeline), within=60)
        pipeline.send(topic, b"no Avro at all")
        pipeline.wait_caught_up()
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        [told] = [event for event in history(pipeline, topic) if event["event"] == "dead_letters"]
        assert told["more"]["dead"] == 1
        assert pipeline.status() == []
