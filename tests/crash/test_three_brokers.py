"""Faults that need replicas: a leader that dies or freezes, and an election that loses the end of the log."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from infra.stack.artifacts.cache import artifact_paths, cache_directory
from infra.stack.embedded_stack import up
from infra.stack.layout import StackOptions, load_layout
from infra.stack.services import start as service_start
from infra.stack.services.kafka import kafka_services
from tests.support.faults.fault_run import QUICK, all_run, fault_run, generations, nobody_left
from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.stack.stack import running_stack
from tests.support.stack.stack_processes import broker_at
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("three-brokers")


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[Addresses]:
    with running_stack(home, StackOptions(brokers=3)) as addresses:
        yield addresses


def leader_of(cluster: Addresses, topic: str) -> tuple[int, int]:
    """Id and port of the leader of partition 0; -1 and 0 while there is none."""
    metadata = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(topic, timeout=30)
    leader = metadata.topics[topic].partitions[0].leader
    return leader, metadata.brokers[leader].port if leader in metadata.brokers else 0


def in_sync(cluster: Addresses, topic: str) -> set[int]:
    metadata = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(topic, timeout=30)
    return set(metadata.topics[topic].partitions[0].isrs)


def gone(process: psutil.Process) -> None:
    process.kill()
    eventually(lambda: not process.is_running(), within=30, what="the broker is dead")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=lambda how: how.name)
def test_a_leader_is_lost(cluster: Addresses, home: Path, tmp_path: Path, how: signal.Signals) -> None:
    """F32: killed or frozen until another broker leads; then it comes back and follows."""
    replicated = {"min.insync.replicas": "2"}
    with fault_run(cluster, tmp_path, partitions=1, copies=3, topic_config=replicated) as run:
        with run.moving(500):
            before = generations(run.pipeline)
            old, port = leader_of(cluster, run.topic)
            broker = broker_at(port)
            os.kill(broker.pid, how)
            eventually(lambda: leader_of(cluster, run.topic)[0] not in {old, -1}, within=90, what="another leader")
            TALLY.hit()
            run.moves_on(f"leader lost by {how.name}")
            if how is signal.SIGSTOP:
                os.kill(broker.pid, signal.SIGCONT)
            else:
                up(home)
            eventually(lambda: old in in_sync(cluster, run.topic), within=90, what="the old leader follows")
            assert generations(run.pipeline) == before
        assert run.finish() > 0
        run.no_death()
        told = [entry["msg"] for entry in run.events("outage_began")]
        assert len(told) <= 1, "none but where the election takes half a minute"
        assert not [line for line in told if "no broker" in line]
        assert "rdkafka" not in run.pipeline.log.read_text()


def test_a_partition_without_a_leader_keeps_no_other_from_starting(
    cluster: Addresses, home: Path, tmp_path: Path
) -> None:
    """F32: it is waited for by name, and read from its beginning once it has a leader."""
    with running_pipeline(cluster, tmp_path, topics=2, partitions=3) as pipeline:
        pipeline.produce(300)
        leader, port = leader_of(cluster, pipeline.topics[0])
        gone(broker_at(port))
        eventually(lambda: leader_of(cluster, pipeline.topics[0])[0] == -1, within=90, what="no leader is left")
        supervisor = pipeline.supervise(env=QUICK)

        def states() -> set[tuple[str, bool]]:
            return {(one["state"], "no leader" in one["reason"]) for one in pipeline.status()}

        eventually(lambda: states() == {("running", False), ("waiting", True)}, within=60, what="the others run")
        TALLY.hit()
        dark = [one for one in pipeline.status() if one["state"] == "waiting"]
        assert f"{pipeline.topics[0]}/0" in {f"{one['topic']}/{one['partition']}" for one in dark}
        assert {(one["lag"], one["pid"]) for one in dark} == {(None, None)}
        [told] = pipeline.events("outage_began")
        assert f"{pipeline.topics[0]}/0" in told["msg"]
        ended = pipeline.run("supervise", "--topics", pipeline.topics[0], "--until-caught-up", "--take-over")
        assert ended.returncode == 4, ended.stderr
        up(home)
        pipeline.wait_caught_up()
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(60)
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        assert pipeline.assert_exact() == 600
        assert leader >= 0


def test_an_unclean_election_loses_the_end_of_the_log(cluster: Addresses, home: Path, tmp_path: Path) -> None:
    """F38: Kafka lost messages whose rows are there; it halts, also once the log is longer again, until told."""
    lossy = {"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}
    with running_pipeline(cluster, tmp_path, partitions=1, copies=2, topic_config=lossy) as pipeline:
        [topic] = pipeline.topics
        supervisor = pipeline.supervise(env=QUICK)
        all_run(pipeline)
        pipeline.produce(100)
        pipeline.wait_caught_up()
        leader, leader_port = leader_of(cluster, topic)
        eventually(lambda: len(in_sync(cluster, topic)) == 2, within=60, what="both replicas are in sync")
        [follower] = in_sync(cluster, topic) - {leader}
        metadata = AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(timeout=30)
        behind, ahead = broker_at(metadata.brokers[follower].port), broker_at(leader_port)
        gone(behind)
        eventually(lambda: in_sync(cluster, topic) == {leader}, within=90, what="one replica is left")
        pipeline.produce(50)
        pipeline.wait_caught_up()

        gone(ahead)
        start_again(home, f"kafka-{follower}")  # alone: it has never seen the last 50
        assert supervisor.wait(120) == 66
        TALLY.hit()
        nobody_left(pipeline)
        assert halted(pipeline).startswith(f"E_TRUNCATED {topic}/0: stored 150, log ends at 100")

        up(home)
        pipeline.produce(100)  # the log is longer than the stored offset now, with other messages at 100 to 149
        assert pipeline.supervise(env=QUICK).wait(60) == 66
        assert halted(pipeline).startswith(f"E_TRUNCATED {topic}/0: stored 150, log ends at 100 (leader epoch ")
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(150,)]

        pipeline.query(f"DELETE FROM `{topic}` WHERE _kafka_offset >= 100")
        assert pipeline.run("offsets", "set", f"{topic}/0", "100", "--yes").returncode == 0
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        assert pipeline.assert_exact() == 200


def start_again(home: Path, name: str) -> None:
    """One service of a stack, without the others that are down."""
    layout = load_layout(home)
    assert layout is not None
    [service] = [one for one in kafka_services(layout, artifact_paths(cache_directory()).kafka) if one.name == name]
    service_start.start(service, print)


def halted(pipeline: Pipeline) -> str:
    return str(pipeline.events("worker_halted")[-1]["msg"])
