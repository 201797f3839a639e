"""Several hosts share the partitions: spread, a host that leaves, one that comes back, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from tests.support.pipeline.hosts import Host, running_hosts, wait_spread
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline


def mirrored(pipeline: Pipeline) -> dict[int, int]:
    """Partition -> offset of the topic's group in Kafka."""
    [topic] = pipeline.topics
    consumer = Consumer({"bootstrap.servers": pipeline.addresses.bootstrap_servers, "group.id": f"group-{topic}"})
    try:
        wanted = [TopicPartition(topic, number) for number in range(pipeline.partitions)]
        return {one.partition: one.offset for one in consumer.committed(wanted, timeout=20)}
    finally:
        consumer.close()


def test_who_is_no_member_of_the_group_is_refused_and_so_are_members_where_one_host_has_all(
    database: Addresses, tmp_path: Path
) -> None:
    with running_pipeline(database, tmp_path, partitions=2) as pipeline, running_hosts(pipeline, 1) as hosts:
        assert wait_spread(hosts) == [2]
        alone = pipeline.run("supervise", "--topics", pipeline.topics[0])
        assert (alone.returncode, "E_LOCKED" in alone.stderr) == (75, True), alone.stderr
        assert "--group-membership" in alone.stderr
        other = Host(pipeline, "host-2", {"RTPIPE_MEMBERSHIP_GROUP": "another-group"})
        other.start()
        assert other.supervisor is not None
        assert other.supervisor.wait(60) == 75
        assert "same membership_group" in other.pipeline.log.read_text()
        hosts[0].stop()
        pipeline.supervise()
        eventually(pipeline.status, within=60, what="one host has all")
        hosts[0].start()
        assert hosts[0].supervisor is not None
        assert hosts[0].supervisor.wait(60) == 75


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_partitions_are_spread_and_those_that_stay_are_not_touched(
    stack: Addresses, tmp_path: Path, protocol: str
) -> None:
    with (
        running_pipeline(stack, tmp_path, partitions=6) as pipeline,
        running_hosts(pipeline, 2, RTPIPE_MEMBERSHIP_PROTOCOL=protocol, RTPIPE_SESSION_SECONDS="60") as hosts,
    ):
        pipeline.produce(300)
        assert wait_spread(hosts) == [3, 3]
        before = {host.name: host.partitions() for host in hosts}
        pipeline.wait_caught_up()
        hosts[1].stop()
        hosts[1].start()  # within its session: nothing moves
        assert wait_spread(hosts) == [3, 3]
        assert {host.name: host.partitions() for host in hosts} == before
        assert not hosts[0].events("partitions_revoked")[1:]
        pipeline.produce(300)
        pipeline.wait_caught_up()
        [topic] = pipeline.topics  # each host mirrors its own, to a group that nobody is a member of
        eventually(lambda: mirrored(pipeline) == pipeline.offsets(topic), what="Kafka's own tools see all offsets")
        for host in hosts:
            host.stop()
        assert pipeline.assert_exact() == 600


def seen(host: Host) -> dict[str, dict[str, Any]]:
    """What a host shows of all, by name."""
    shown = host.run("status", "--all-hosts", "--json")
    return {one["instance_id"]: one for one in json.loads(shown.stdout)["hosts"]} if shown.stdout else {}


def states(host: Host, name: str) -> dict[str, str]:
    """The states of the partitions of the host `name`, as this one shows them."""
    partitions = seen(host).get(name, {}).get("status", {}).get("partitions", [])
    return {f"{one['topic']}/{one['partition']}": one["state"] for one in partitions}


def test_each_host_shows_all_and_an_act_reaches_the_one_that_has_the_partition(
    database: Addresses, tmp_path: Path
) -> None:
    with running_pipeline(database, tmp_path, partitions=2) as pipeline, running_hosts(pipeline, 2) as hosts:
        assert wait_spread(hosts) == [1, 1]
        [its] = hosts[0].partitions()
        eventually(lambda: states(hosts[1], "host-1") == {its: "running"}, what="the other host shows it")
        paused = hosts[1].run("pause", its)
        assert (paused.returncode, paused.stdout) == (0, f"pausing {its}\n"), paused.stderr
        [told] = hosts[0].events("partition_paused")
        assert told["partition"] == its
        assert " on " in told["user"]
        eventually(lambda: states(hosts[1], "host-1") == {its: "paused"}, what="it is shown as paused")
        again = hosts[1].run("pause", its)
        assert again.returncode == 2
        assert "it is paused already" in again.stderr
        assert hosts[1].run("resume", its).returncode == 0
        hosts[0].kill()
        eventually(lambda: seen(hosts[1])["host-1"]["silent"], within=60, what="it is shown as silent")
        eventually(lambda: len(states(hosts[1], "host-2")) == 2, what="the other one has its partition")
        late = hosts[1].run("status", "--all-hosts")
        assert late.returncode == 3
        assert "silent for" in late.stdout


def test_a_member_process_that_dies_is_started_again_and_no_worker_is_touched(stack: Addresses, tmp_path: Path) -> None:
    with (
        running_pipeline(stack, tmp_path, partitions=2) as pipeline,
        running_hosts(pipeline, 1, RTPIPE_MEMBERSHIP_PROTOCOL="classic") as hosts,
    ):
        [host] = hosts
        assert wait_spread(hosts) == [2]
        before = {one["pid"] for one in host.pipeline.status()}
        [member] = [one for one in host.pipeline.processes() if "supervisor.membership.member_process" in one.cmdline()]
        kill(member.pid)
        eventually(lambda: len(host.events("group_joining")) == 2, what="it joins again")
        eventually(lambda: len(host.events("partitions_assigned")) == 2, what="it is given the same")
        pipeline.produce(100)
        pipeline.wait_caught_up()
        assert {one["pid"] for one in host.pipeline.status()} == before
        assert not host.events("partitions_lost")
        host.stop()
        assert pipeline.assert_exact() == 100


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_partitions_that_a_topic_gets_are_given_out_by_the_group(
    stack: Addresses, tmp_path: Path, protocol: str
) -> None:
    with (
        running_pipeline(stack, tmp_path, partitions=2) as pipeline,
        running_hosts(pipeline, 2, RTPIPE_MEMBERSHIP_PROTOCOL=protocol) as hosts,
    ):
        assert wait_spread(hosts) == [1, 1]
        [topic] = pipeline.topics
        admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
        admin.create_partitions([NewPartitions(topic, 4)])[topic].result(30)
        for one in (pipeline, *(host.pipeline for host in hosts)):
            one.partitions = 4
        assert wait_spread(hosts) == [2, 2]
        pipeline.produce(400)
        pipeline.wait_caught_up()
        assert not [one for host in hosts for one in host.events("worker_halted")]
        for host in hosts:
            host.stop()
        assert pipeline.assert_exact() == 400
