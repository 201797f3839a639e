"""Hosts that share partitions are lost, frozen and cut off: every message is one row, whoever wrote it."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from infra.stack.embedded_stack import up
from infra.stack.layout import StackOptions
from infra.stack.ports import pick_ports
from infra.stack.services import kafka as kafka_service
from tests.support.faults.database_proxy import database_proxy
from tests.support.faults.tally import TALLY
from tests.support.faults.tcp_proxy import HOST, TcpProxy, tcp_proxy
from tests.support.pipeline.hosts import (
    SESSION,
    Host,
    commit_again,
    finish,
    offsets,
    running_hosts,
    served,
    wait_spread,
)
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.stack.stack import running_stack
from tests.support.stack.stack_processes import broker_at
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults

PROTOCOLS = pytest.mark.parametrize("protocol", ["consumer", "classic"])


@PROTOCOLS
def test_the_partitions_of_a_lost_host_go_to_the_others_and_a_new_host_takes_its_share(
    stack: Addresses, tmp_path: Path, protocol: str
) -> None:
    """F6: a whole host dies; no other partition is touched, and its own go on elsewhere after its session."""
    with (
        running_pipeline(stack, tmp_path, partitions=6) as pipeline,
        running_hosts(pipeline, 3, RTPIPE_MEMBERSHIP_PROTOCOL=protocol) as hosts,
    ):
        assert wait_spread(hosts) == [2, 2, 2]
        with pipeline.stream(500):
            commit_again(pipeline, offsets(pipeline), "start")
            lost = hosts[0].partitions()
            hosts[0].kill()
            commit_again(pipeline, lost, f"kill -9 of a host, with a session of {SESSION} s")
            assert served(hosts[1:]) == [3, 3]
            hosts.append(Host(pipeline, "host-4", {"RTPIPE_MEMBERSHIP_PROTOCOL": protocol}))
            hosts[3].start()
            started = time.monotonic()
            assert wait_spread(hosts[1:]) == [2, 2, 2]
            print(f"a new host has its share after {time.monotonic() - started:.2f} s")
        assert finish(pipeline, hosts[1:]) > 0


@PROTOCOLS
def test_a_host_that_was_frozen_writes_nothing_twice_and_says_why_it_stopped(
    stack: Addresses, tmp_path: Path, protocol: str
) -> None:
    """F7, F8: frozen beyond its session, then continued: it has lost its partitions, and knows it."""
    with (
        running_pipeline(stack, tmp_path, partitions=4) as pipeline,
        running_hosts(pipeline, 2, RTPIPE_MEMBERSHIP_PROTOCOL=protocol) as hosts,
    ):
        assert wait_spread(hosts) == [2, 2]
        with pipeline.stream(500):
            commit_again(pipeline, offsets(pipeline), "start")
            lost = hosts[0].partitions()
            hosts[0].signal(signal.SIGSTOP)
            TALLY.hit()
            commit_again(pipeline, lost, "a host frozen")
            hosts[0].signal(signal.SIGCONT)
            assert wait_spread(hosts) == [2, 2]
            commit_again(pipeline, offsets(pipeline), "a host that goes on")
        assert hosts[0].events("partitions_lost")
        assert not hosts[1].events("partitions_lost")
        assert finish(pipeline, hosts) > 0


@pytest.fixture(scope="module")
def two_ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Addresses, TcpProxy]]:
    """A stack whose broker has a second address, behind a proxy, for one host alone."""
    port, behind = pick_ports(2, besides=set())
    plain = kafka_service._properties
    with tcp_proxy((HOST, behind)) as proxy, contextlib.ExitStack() as opened:

        def properties(*of: object) -> dict[str, object]:
            found = plain(*of)  # type: ignore[arg-type]
            found["listeners"] = f"{found['listeners']},APART://{HOST}:{behind}"
            found["advertised.listeners"] = f"{found['advertised.listeners']},APART://{HOST}:{proxy.port}"
            names = ("PLAINTEXT", "CONTROLLER", "APART")
            return found | {"listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names)}

        with pytest.MonkeyPatch.context() as patch:  # for this stack alone
            patch.setattr(kafka_service, "_properties", properties)
            where = tmp_path_factory.mktemp("two-ways")
            stack = opened.enter_context(running_stack(where, StackOptions(kafka_port=port)))
        yield stack, proxy


@contextlib.contextmanager
def two_hosts(pipeline: Pipeline, apart: Addresses, protocol: str) -> Iterator[list[Host]]:
    """The first one reaches the services by the addresses `apart`."""
    with running_hosts(pipeline, 0) as hosts:
        for number, addresses in enumerate((apart, None), 1):
            hosts.append(Host(pipeline, f"host-{number}", {"RTPIPE_MEMBERSHIP_PROTOCOL": protocol}, addresses))
            hosts[-1].start()
        yield hosts


@PROTOCOLS
def test_a_host_that_is_cut_off_from_kafka_leaves_its_partitions_to_others(
    two_ways: tuple[Addresses, TcpProxy], tmp_path: Path, protocol: str
) -> None:
    """F33: it reaches the database all the time, and writes nothing that others write."""
    stack, proxy = two_ways
    apart = dataclasses.replace(stack, bootstrap_servers=f"{HOST}:{proxy.port}")
    with running_pipeline(stack, tmp_path, partitions=4) as pipeline, two_hosts(pipeline, apart, protocol) as hosts:
        assert wait_spread(hosts) == [2, 2]
        with pipeline.stream(500):
            commit_again(pipeline, offsets(pipeline), "start")
            lost = hosts[0].partitions()
            proxy.shut()
            TALLY.hit()
            commit_again(pipeline, lost, "a host cut off from Kafka")
            eventually(lambda: hosts[0].events("partitions_lost"), within=30, what="it says why it stopped")
            assert not hosts[0].partitions()
            proxy.open()
            assert wait_spread(hosts) == [2, 2]
            commit_again(pipeline, offsets(pipeline), "a host that is back")
        assert finish(pipeline, hosts) > 0


@PROTOCOLS
def test_a_host_that_is_cut_off_from_the_database_keeps_its_partitions(
    stack: Addresses, tmp_path: Path, protocol: str
) -> None:
    """F19: it waits, since the group hears of it, and goes on."""
    with running_pipeline(stack, tmp_path, partitions=4) as pipeline, database_proxy(stack.database_url) as proxy:
        apart = dataclasses.replace(stack, database_url=proxy.url)
        with two_hosts(pipeline, apart, protocol) as hosts:
            assert wait_spread(hosts) == [2, 2]
            with pipeline.stream(500):
                commit_again(pipeline, offsets(pipeline), "start")
                before = hosts[0].partitions()
                proxy.shut()
                TALLY.hit()
                eventually(lambda: hosts[0].events("outage_began"), within=60, what="it waits")
                commit_again(pipeline, hosts[1].partitions(), "the other host, untouched")
                proxy.open()
                commit_again(pipeline, before, "the database is back")
            assert not hosts[0].events("partitions_lost")
            assert not hosts[0].events("partitions_revoked")[1:]
            assert finish(pipeline, hosts) > 0


def test_ten_losses_of_hosts_and_one_of_a_broker(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """F40: order holds for each key, too: the oracle looks."""
    home, chance = tmp_path_factory.mktemp("three-brokers"), random.Random(5)
    replicated = {"min.insync.replicas": "2"}
    with (
        running_stack(home, StackOptions(brokers=3)) as cluster,
        running_pipeline(cluster, tmp_path, partitions=6, copies=3, topic_config=replicated) as pipeline,
        running_hosts(pipeline, 3) as hosts,
    ):
        wait_spread(hosts, within=120)
        with pipeline.stream(500):
            for number in range(10):
                if number == 4:
                    broker_at(int(cluster.bootstrap_servers.split(",")[1].rpartition(":")[2])).kill()
                if number == 6:
                    up(home)
                victim = chance.choice([host for host in hosts if host.partitions()])
                lost = victim.partitions()
                victim.kill()
                commit_again(pipeline, lost, f"loss {number + 1}, of {victim.name} with {len(lost)} partitions")
                victim.start()
            wait_spread(hosts, within=120)
        assert finish(pipeline, hosts) > 0
