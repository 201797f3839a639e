"""Hosts in networks of their own, whose links to Kafka and to the database are cut, one by one and both at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support.pipeline.hosts import Host, commit_again, finish, offsets, running_hosts, served, wait_spread
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.stack.own_networks import networks
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_three_hosts_of_which_each_loses_another_of_its_links(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, protocol: str
) -> None:
    """F19, F33: nothing is told of a cut; what was under way stays open at the server until somebody ends it."""
    with contextlib.ExitStack() as opened:
        stack, made = opened.enter_context(networks(tmp_path_factory.mktemp("apart"), 3))
        pipeline = opened.enter_context(running_pipeline(stack, tmp_path, partitions=6))
        hosts = opened.enter_context(running_hosts(pipeline, 0))
        for number, network in enumerate(made, 1):
            host = Host(pipeline, f"host-{number}", {"RTPIPE_MEMBERSHIP_PROTOCOL": protocol}, network.addresses)
            host.pipeline.prefix = network.prefix
            hosts.append(host)
            host.start()
        assert wait_spread(hosts, within=120) == [2, 2, 2]
        with pipeline.stream(500):
            commit_again(pipeline, offsets(pipeline), "start")
            lost = hosts[0].partitions()
            with made[0].cut("kafka"):
                commit_again(pipeline, lost, "a host cut off from Kafka")
                eventually(lambda: hosts[0].events("partitions_lost"), within=30, what="it says why it stopped")
                assert not hosts[0].partitions()
                assert served(hosts[1:]) == [3, 3]
            assert wait_spread(hosts, within=120) == [2, 2, 2]
            kept = hosts[1].partitions()
            with made[1].cut("database"):
                eventually(lambda: hosts[1].events("outage_began"), within=60, what="it waits, and says so")
                others = offsets(pipeline).keys() - kept
                commit_again(pipeline, others, "the others, untouched")
            commit_again(pipeline, kept, "a host that reaches the database again")
            assert not hosts[1].events("partitions_lost")
            lost = hosts[2].partitions()
            with made[2].cut("kafka", "database"):
                commit_again(pipeline, lost, "a host cut off from all")
                eventually(lambda: hosts[2].events("partitions_lost"), within=30, what="it says why it stopped")
            assert wait_spread(hosts, within=120) == [2, 2, 2]
            commit_again(pipeline, offsets(pipeline), "all are together again")
        assert finish(pipeline, hosts) > 0
