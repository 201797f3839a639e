"""Topics and partitions come and go on several hosts alike, under load: found, raised, taken out, back again.
Raw clients judge.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from tests.support.faults.tally import TALLY
from tests.support.pipeline.hosts import Host, running_hosts
from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.raw_clients import watermarks_of
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

Lives = dict[str, tuple[str, int, int]]


def made(stack: Addresses, directory: Path, topic: str, partitions: int) -> Pipeline:
    """A topic with its table; its host directories are those of the first one."""
    home = directory / topic
    home.mkdir()
    pipeline = Pipeline(stack, home, [topic], partitions)
    pipeline.create()
    return pipeline


def lives(hosts: list[Host]) -> Lives:
    """Where each partition runs, in which generation; those that two hosts run are left out."""
    found: Lives = {}
    twice = set()
    for host in hosts:
        for one in host.pipeline.status():
            key = f"{one['topic']}/{one['partition']}"
            if key in found:
                twice.add(key)
            if one["state"] == "running":
                found[key] = (host.name, one["pid"], one["epoch"])
    return {key: life for key, life in found.items() if key not in twice}


def run_on_all(hosts: list[Host], *pipelines: Pipeline) -> bool:
    """Whether all partitions of these run, nothing else does, and each host has some."""
    found = lives(hosts)
    wanted = {f"{one.topics[0]}/{number}" for one in pipelines for number in range(one.partitions)}
    return found.keys() == wanted and {life[0] for life in found.values()} == {host.name for host in hosts}


def exact(pipeline: Pipeline) -> int:
    """Each message is a row, once, with its values; also where keys have moved to other partitions."""
    [topic] = pipeline.topics
    rows = pipeline.query(f"SELECT _kafka_partition, _kafka_offset, `key`, seq, payload FROM `{topic}`")
    return TALLY.compare(pipeline.messages(topic).items(), (((row[0], row[1]), row[2:]) for row in rows))


@contextlib.contextmanager
def watched(pipeline: Pipeline, what: str) -> Iterator[None]:
    """Prints how long a partition of those that are there committed nothing, with something to commit."""
    [topic] = pipeline.topics
    stop, longest = threading.Event(), dict[int, float]()
    consumer = Consumer({"bootstrap.servers": pipeline.addresses.bootstrap_servers, "group.id": "watch"})

    def watch() -> None:
        last = {number: (offset, 0.0) for number, offset in pipeline.offsets(topic).items()}
        while not stop.wait(0.03):
            now = time.monotonic()
            ends = {number: watermarks_of(consumer, TopicPartition(topic, number))[1] for number in last}
            for number, offset in pipeline.offsets(topic).items():
                before, since = last[number]
                rests = offset != before or offset == ends[number]
                last[number] = offset, now if rests or not since else since
                longest[number] = max(longest.get(number, 0.0), now - last[number][1])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        consumer.close()
    print(f"{what}: of {len(longest)} partitions none paused for more than {max(longest.values()):.2f} s")


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_topics_and_partitions_come_and_go_on_all_hosts_alike(stack: Addresses, tmp_path: Path, protocol: str) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    stays, grows = made(stack, tmp_path, f"{prefix}_bank_a", 4), made(stack, tmp_path, f"{prefix}_bank_b", 3)
    with running_hosts(stays, 0) as hosts:
        for number in (1, 2):
            hosts.append(Host(stays, f"host-{number}", {"RTPIPE_MEMBERSHIP_PROTOCOL": protocol}))
            hosts[-1].serve(f"^{prefix}_bank_")
            hosts[-1].start_what_settings_say()
        with stays.stream(1_000):
            eventually(lambda: run_on_all(hosts, stays, grows), within=90, what="what fits runs, on both")
            eventually(lambda: len(stays.offsets(stays.topics[0])) == 4, what="it is written")
            before = {key: life for key, life in lives(hosts).items() if key.startswith(stays.topics[0])}
            with grows.stream(500), watched(stays, "3 to 12 partitions"):
                admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
                admin.create_partitions([NewPartitions(grows.topics[0], 12)])[grows.topics[0]].result(30)
                grows.partitions = 12
                eventually(lambda: run_on_all(hosts, stays, grows), within=90, what="the new partitions run, too")
            assert before.items() <= lives(hosts).items()
            with watched(stays, "a new topic"):
                comes = made(stack, tmp_path, f"{prefix}_bank_c", 2)
                comes.produce(100)
                eventually(lambda: run_on_all(hosts, stays, grows, comes), within=90, what="the new topic runs, too")
            with grows.stream(500), watched(stays, "a topic taken out, host by host"):  # so the group moves partitions
                for host in hosts:
                    host.serve(f"^{prefix}_bank_[ac]")
                    assert host.run("reload").returncode == 0
                eventually(lambda: run_on_all(hosts, stays, comes), within=90, what="one is gone")
                where = grows.offsets(grows.topics[0])
            assert grows.offsets(grows.topics[0]) == where
            for host in hosts:
                host.serve(f"^{prefix}_bank_")
                assert host.run("reload").returncode == 0
            eventually(lambda: run_on_all(hosts, stays, grows, comes), within=90, what="it is back")
        for one in (stays, grows, comes):
            one.wait_caught_up()
        for host in hosts:
            assert not host.events("partitions_lost")
            host.stop()
        assert all(exact(one) for one in (stays, grows, comes))
