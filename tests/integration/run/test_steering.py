"""What people ask of a running supervisor, on real services: the stream stays exact whatever they ask."""

from __future__ import annotations

import getpass
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor.settings.fields.throttle_settings import ThrottleSettings
from supervisor.steering.database_health import DatabaseHealth
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.supervision import finish, running
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses


def states(pipeline: Pipeline) -> list[str]:
    return [partition["state"] for partition in pipeline.status()]


def steer(pipeline: Pipeline, *command: str) -> str:
    """What the command prints; it must succeed."""
    answer = pipeline.run(*command)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def verified(pipeline: Pipeline) -> bool:
    """By rtpipe's own command, too."""
    return pipeline.run("verify", "--topics", ",".join(pipeline.topics), "--values").returncode == 0


def test_a_pause_outlives_a_killed_supervisor_and_nothing_is_lost_or_doubled(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=2) as pipeline:
        [topic] = pipeline.topics
        supervisor: Any = pipeline.supervise()
        with pipeline.stream():
            eventually(lambda: running(pipeline), within=60, what="all partitions run")
            assert steer(pipeline, "pause", f"{topic}/0") == f"pausing {topic}/0\n"
            eventually(lambda: states(pipeline) == ["paused", "running"], within=60)
            stopped_at = pipeline.offsets(topic)[0]
            supervisor.kill()
            supervisor.wait(10)
            supervisor = pipeline.supervise()
            eventually(lambda: states(pipeline) == ["paused", "running"], within=60)
            [first, _] = pipeline.status()
            assert first["reason"].startswith(f"paused by {getpass.getuser()} at ")
            [second] = [partition["offset"] for partition in pipeline.status()[1:]]
            eventually(lambda: pipeline.offsets(topic)[1] > second, within=60, what="the other partition goes on")
            assert pipeline.offsets(topic)[0] == stopped_at
            steer(pipeline, "resume", topic)
            eventually(lambda: running(pipeline), within=60)
            before = {partition["pid"] for partition in pipeline.status()}
            steer(pipeline, "restart", topic)
            eventually(
                lambda: before.isdisjoint(p["pid"] for p in running(pipeline) or [{"pid": min(before)}]), within=60
            )
            assert [partition["restarts"] for partition in pipeline.status()] == [0, 0]
        assert finish(pipeline, supervisor) > 0
        assert verified(pipeline)


def test_a_limit_holds_while_it_is_there_and_says_so(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=2, max_rows_per_second=20) as pipeline:
        [topic] = pipeline.topics
        supervisor: Any = pipeline.supervise()
        eventually(lambda: running(pipeline), within=60, what="all partitions run")
        pipeline.produce(10_000)

        def throttled(by: str) -> bool:
            found = pipeline.status()
            return all(p["condition"] == "throttled" and by in p["condition_reason"] for p in found)

        eventually(lambda: throttled("limited to 20 rows/s by max_rows_per_second"), within=60)
        assert steer(pipeline, "limit", topic, "30").startswith(f"{topic}: 30 rows/s")
        eventually(lambda: throttled(f"limited to 30 rows/s by {getpass.getuser()}"), within=60)
        assert sum(pipeline.offsets(topic).values()) < 9_000, "20 to 30 a second for less than 5 minutes"
        steer(pipeline, "limit", topic, "off")
        pipeline.wait_caught_up()
        eventually(lambda: [p["condition"] for p in pipeline.status()] == ["ok", "ok"], within=60)
        assert finish(pipeline, supervisor) == 10_000
        assert verified(pipeline)


def test_the_health_of_a_real_server_and_of_a_replica_that_is_away(stack: Addresses) -> None:
    limits = ThrottleSettings(threads_running=10_000, replica_lag_seconds=5, replicas=("127.0.0.1:1",))
    seen = DatabaseHealth(limits, lambda: stack.admin_database_url, 20).ask()
    assert seen.exceeded == ()
    assert len(seen.unknown) == 1, seen
    unknown = seen.unknown[0]
    assert unknown.startswith("replica 127.0.0.1:1: ")


def test_a_message_that_stops_a_partition_is_stepped_over_and_is_a_dead_letter(
    stack: Addresses, tmp_path: Path
) -> None:
    with running_pipeline(stack, tmp_path, partitions=2) as pipeline:
        [topic] = pipeline.topics
        supervisor: Any = pipeline.supervise()
        eventually(lambda: running(pipeline), within=60, what="all partitions run")
        refused = pipeline.run("step-over", f"{topic}/0")
        assert (refused.returncode, "only a halted partition" in refused.stderr) == (2, True)
        pipeline.produce(100)
        pipeline.send(topic, b"no Avro", partition=0)
        pipeline.produce(100)
        eventually(lambda: states(pipeline) == ["halted", "running"], within=60)
        stopped_at = pipeline.offsets(topic)[0]
        assert f"offset {stopped_at} " in steer(pipeline, "step-over", f"{topic}/0")
        pipeline.wait_caught_up()
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(200,)]
        dead = "SELECT `partition`, `offset`, error_name FROM rtpipe_dead_letters WHERE topic = %s"
        assert pipeline.query(dead, topic) == [(0, stopped_at, "E_WIRE_FORMAT")]
        assert verified(pipeline)
        supervisor.terminate()
        assert supervisor.wait(60) == 0


def test_a_reload_restarts_what_it_must_and_the_stream_stays_exact(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, topics=2, partitions=1) as pipeline:
        first, second = sorted(pipeline.topics)
        supervisor: Any = pipeline.supervise()
        with pipeline.stream():
            eventually(lambda: running(pipeline), within=60, what="all partitions run")
            before = {p["topic"]: p["pid"] for p in pipeline.status()}
            with (pipeline.directory / "rtpipe.toml").open("a") as settings:
                settings.write(f'[[topics]]\nmatch = "{first}"\nbatch_rows = 500\n')
            assert f"{first}: batch_rows 20000 -> 500\n" in steer(pipeline, "reload", "--dry-run")
            supervisor.send_signal(signal.SIGHUP)
            eventually(
                lambda: [p for p in running(pipeline) if p["topic"] == first and p["pid"] != before[first]], within=60
            )
            after = {p["topic"]: (p["pid"], p["restarts"]) for p in pipeline.status()}
            assert after[second] == (before[second], 0)
            assert after[first][1] == 0
            assert steer(pipeline, "reload") == "nothing changes\n"
        assert finish(pipeline, supervisor) > 0
        assert verified(pipeline)
