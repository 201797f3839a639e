"""Topics and partitions come and go while a supervisor runs, under load: nothing is lost or doubled, and the partitions
that stay keep their processes. Raw clients judge.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import uuid
from typing import TYPE_CHECKING, Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import Pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

Lives = dict[tuple[str, int], tuple[int, int, int]]


class Topics:
    """Topics of one prefix, each with a stream of its own, in the directory of one supervisor."""

    def __init__(self, stack: Addresses, directory: Path) -> None:
        self.prefix = f"t{uuid.uuid4().hex[:8]}"
        self._stack = stack
        self._directory = directory
        self._made: list[Pipeline] = []

    def make(self, name: str, partitions: int = 2) -> Pipeline:
        """A topic, its table and its schema; no message yet."""
        settings = (self._directory / "rtpipe.toml").read_text() if self._made else ""
        made = Pipeline(self._stack, self._directory, [f"{self.prefix}_{name}"], partitions)
        made.create()
        if settings:
            (self._directory / "rtpipe.toml").write_text(settings)
        self._made.append(made)
        return made

    def serve(self, *entries: str) -> None:
        """The settings say so from now on."""
        self._made[0].write_settings()
        path = self._directory / "rtpipe.toml"
        path.write_text(f"serve = {json.dumps(entries)}\ntopic_check_seconds = 1\n{path.read_text()}")

    def supervise(self, *arguments: str) -> Any:
        return self._made[0].start("supervise", "--log-format", "json", *arguments)

    def run(self, *command: str) -> str:
        """What a command prints; it must succeed."""
        answer = self._made[0].run(*command)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def lives(self) -> Lives:
        """The processes and the generation of each partition that runs."""
        return {
            (p["topic"], p["partition"]): (p["pid"], p["writer_pid"], p["epoch"])
            for p in self._made[0].status()
            if p["state"] == "running"
        }

    def serves(self, *pipelines: Pipeline) -> bool:
        """Whether all partitions of these run, and nothing else is there."""
        wanted = {(one.topics[0], number) for one in pipelines for number in range(one.partitions)}
        found = {(p["topic"], p["partition"]) for p in self._made[0].status()}
        return found == wanted == self.lives().keys()

    def kill_all(self) -> None:
        for one in self._made:
            one.kill_all()


@contextlib.contextmanager
def topics(stack: Addresses, directory: Path) -> Iterator[Topics]:
    found = Topics(stack, directory)
    try:
        yield found
    finally:
        found.kill_all()


def exact(pipeline: Pipeline) -> int:
    """Each message is a row, once, with its values; also where keys have moved to other partitions."""
    [topic] = pipeline.topics
    rows = pipeline.query(f"SELECT _kafka_partition, _kafka_offset, `key`, seq, payload FROM `{topic}`")
    return TALLY.compare(pipeline.messages(topic).items(), (((row[0], row[1]), row[2:]) for row in rows))


def ended(supervisor: Any, *pipelines: Pipeline) -> None:
    """All is caught up, the supervisor ends well, and each table is what its topic says."""
    for one in pipelines:
        one.wait_caught_up()
    supervisor.terminate()
    assert supervisor.wait(60) == 0
    for one in pipelines:
        assert exact(one) > 0


def test_a_topic_is_raised_from_3_to_12_partitions(stack: Addresses, tmp_path: Path) -> None:
    with topics(stack, tmp_path) as found:
        grows, other = found.make("grows", 3), found.make("other", 3)
        found.serve(*grows.topics, *other.topics)
        supervisor = found.supervise()
        with other.stream():
            with grows.stream():
                eventually(lambda: found.serves(grows, other), within=60, what="all partitions run")
                before = found.lives()
                admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
                for future in admin.create_partitions([NewPartitions(grows.topics[0], 12)]).values():
                    future.result(30)
                grows.partitions = 12
                eventually(lambda: found.serves(grows, other), within=60, what="the new partitions run, too")
            with grows.stream():  # by a producer that knows them
                written = grows.offsets(grows.topics[0])
                eventually(
                    lambda: all(at > written[number] for number, at in grows.offsets(grows.topics[0]).items()),
                    within=60,
                    what="messages of all partitions are committed",
                )
            assert before.items() <= found.lives().items()
        ended(supervisor, grows, other)


def test_a_new_topic_that_fits_a_pattern_is_served_and_others_are_not_touched(stack: Addresses, tmp_path: Path) -> None:
    with topics(stack, tmp_path) as found:
        first, stranger = found.make("bank_a"), found.make("shop_a")
        found.serve("^nothing-here")
        pattern = f"^{found.prefix}_bank_"
        supervisor = found.supervise("--topics", pattern)
        with first.stream(), stranger.stream():
            eventually(lambda: found.serves(first), within=60, what="what fits at the start runs")
            before = found.lives()
            new = found.make("bank_b")
            with new.stream():
                eventually(lambda: found.serves(first, new), within=60, what="the new topic runs, too")
                eventually(lambda: all(new.offsets(new.topics[0]).values()), within=60, what="and is written")
            assert before.items() <= found.lives().items()
            assert "--topics was given" in found.run("reload")
            assert found.serves(first, new)
        assert not stranger.query(f"SELECT 1 FROM `{stranger.topics[0]}` LIMIT 1")
        assert found.run("verify", "--values", "--topics", pattern)
        ended(supervisor, first, new)


def test_a_reload_adds_a_topic_and_takes_one_out(stack: Addresses, tmp_path: Path) -> None:
    with topics(stack, tmp_path) as found:
        stays, leaves, comes = found.make("stays"), found.make("leaves"), found.make("comes")
        found.serve(*stays.topics, *leaves.topics)
        supervisor = found.supervise()
        with stays.stream(), leaves.stream(), comes.stream():
            eventually(lambda: found.serves(stays, leaves), within=60, what="all partitions run")
            before = {key: life for key, life in found.lives().items() if key[0] in stays.topics}
            found.serve(*stays.topics, *comes.topics)
            said = found.run("reload", "--dry-run")
            assert said == f"{comes.topics[0]}: served from now on\n{leaves.topics[0]}: drained and given up\n"
            assert found.serves(stays, leaves)
            assert found.run("reload") == said
            eventually(lambda: found.serves(stays, comes), within=60, what="one comes, one is gone")
            assert before.items() <= found.lives().items()
            where = leaves.offsets(leaves.topics[0])
            eventually(lambda: all(comes.offsets(comes.topics[0]).values()), within=60, what="the new one is written")
            assert leaves.offsets(leaves.topics[0]) == where
            gone = {entry["partition"] for entry in stays.events("partition_gone")}
            assert gone == {f"{leaves.topics[0]}/{number}" for number in range(2)}
            found.serve(*stays.topics, *leaves.topics)
            supervisor.send_signal(signal.SIGHUP)
            eventually(lambda: found.serves(stays, leaves), within=60, what="it comes back, where it was")
            assert before.items() <= found.lives().items()
        ended(supervisor, stays, leaves)


def test_a_worker_that_is_killed_while_it_is_given_up_loses_nothing_and_is_gone(
    stack: Addresses, tmp_path: Path
) -> None:
    with topics(stack, tmp_path) as found:
        stays, leaves = found.make("stays"), found.make("leaves")
        found.serve(*stays.topics, *leaves.topics)
        supervisor = found.supervise()
        with stays.stream(), leaves.stream(20_000):
            eventually(lambda: found.serves(stays, leaves), within=60, what="all partitions run")
            doomed = [pid for key, life in found.lives().items() if key[0] in leaves.topics for pid in life[:2]]
            found.serve(*stays.topics)
            supervisor.send_signal(signal.SIGHUP)
            eventually(lambda: stays.events("partition_given_up"), within=60, what="it drains")
            for pid in doomed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            eventually(lambda: found.serves(stays), within=60, what="it is gone")
        found.serve(*stays.topics, *leaves.topics)
        found.run("reload")
        eventually(lambda: found.serves(stays, leaves), within=60, what="it is served again")
        ended(supervisor, stays, leaves)
