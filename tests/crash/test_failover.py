"""Failovers of the database, on a real primary and its replica: commits are lost, and nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.faults.fault_run import QUICK, all_run, committed, moves_on, nobody_left
from tests.support.faults.tally import TALLY
from tests.support.faults.tcp_proxy import tcp_proxy
from tests.support.pipeline.keyed_stream import KEYED, assert_folded, changes
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.sender import Sender
from tests.support.samples.schema_parts import field
from tests.support.stack.own_hosts import own_hosts
from tests.support.stack.replica_pair import Kind, Mariadb, Mysql, ReplicaPair, replica_pair
from tests.support.waits import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

#: Promotions of each test that loses commits, one after the other.
PROMOTIONS = int(os.environ.get("RTPIPE_PROMOTIONS", "2"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(300 + 60 * PROMOTIONS)]
KINDS = pytest.mark.parametrize("kind", [Mysql(), Mariadb()], ids=["MySQL", "MariaDB"])


@contextlib.contextmanager
def replicated(
    stack: Addresses, kind: Kind, tmp_path: Path, *, semi_sync: bool = False, **settings: Any
) -> Iterator[tuple[ReplicaPair, Pipeline]]:
    """A pipeline on a pair of servers, both in its URLs."""
    for name in ("pair", "run"):
        (tmp_path / name).mkdir()
    with (
        replica_pair(kind, tmp_path / "pair", semi_sync=semi_sync) as pair,
        running_pipeline(pair.on(stack), tmp_path / "run", partitions=2, **settings) as pipeline,
    ):
        yield pair, pipeline


def finish(pipeline: Pipeline, supervisor: subprocess.Popen[bytes], *, halted: int = 0) -> None:
    pipeline.wait_caught_up()
    supervisor.terminate()
    assert supervisor.wait(60) == 0, pipeline.log.read_text()[-2000:]
    nobody_left(pipeline)
    assert len(pipeline.events("worker_halted")) == halted


def verify(pipeline: Pipeline) -> None:
    found = pipeline.run("verify", "--topics", pipeline.topics[0], "--values")
    assert found.returncode == 0, found.stdout + found.stderr


def went_back(pipeline: Pipeline) -> list[dict[str, Any]]:
    return pipeline.events("offset_went_back")


def lose_commits(pair: ReplicaPair, pipeline: Pipeline, stack: Addresses) -> None:
    """The primary dies with commits of all partitions that its replica has not received; the replica is promoted."""
    pair.replica.ask("STOP REPLICA IO_THREAD")
    topic, before = pipeline.topics[0], len(went_back(pipeline))
    received = pipeline.offsets(topic)
    eventually(lambda: all(pipeline.offsets(topic)[key] > received[key] for key in received), what="more is committed")
    pair.fail_over()
    pipeline.addresses = pair.on(stack)
    told = eventually(
        lambda: found if len(found := went_back(pipeline)[before:]) >= pipeline.partitions else [], within=60
    )
    for one in told:
        assert one["offset"] < one["committed"], one
        assert f"from offset {one['committed']} to {one['offset']}" in one["msg"]
        TALLY.hit()
    moves_on(pipeline, "promoted")


@KINDS
def test_promotions_that_lose_commits(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: an asynchronous replica lacks the last commits: rows and offset went back, those messages are read again."""
    with replicated(stack, kind, tmp_path) as (pair, pipeline):
        supervisor = pipeline.supervise(env=QUICK)
        with pipeline.stream(1_000):
            all_run(pipeline)
            moves_on(pipeline)
            for _ in range(PROMOTIONS):
                lose_commits(pair, pipeline, stack)
                pair.rebuild()
        finish(pipeline, supervisor)
        assert pipeline.assert_exact() > 0
        verify(pipeline)


@KINDS
def test_promotions_that_lose_changes_by_key_and_dead_letters(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: upserts, deletes and dead letters go back with the offset, too, and come again with it."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    with replicated(stack, kind, tmp_path, **KEYED) as (pair, pipeline):
        supervisor = pipeline.supervise(env=QUICK)
        with changes(pipeline, random.Random(seed)):
            all_run(pipeline)
            moves_on(pipeline)
            for _ in range(PROMOTIONS):
                lose_commits(pair, pipeline, stack)
                pair.rebuild()
        finish(pipeline, supervisor)
        assert_folded(pipeline)


@KINDS
def test_a_change_of_the_table_that_is_lost_is_made_again(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: the replica lacks a new column, too: the table is looked at anew, and no value is lost."""
    with replicated(stack, kind, tmp_path) as (pair, pipeline):
        sender = Sender(pipeline)
        first, second = sender.version(), sender.version(field("note", ["null", "string"], default=None))
        supervisor = pipeline.supervise(env=QUICK)
        sender.send(first)
        received = f"SELECT 1 FROM bank.`{sender.topic}`"
        eventually(lambda: len(pair.replica.ask(received)) == 1, within=60, what="the replica has the first row")
        pair.replica.ask("STOP REPLICA IO_THREAD")
        sender.send(second, note="read again")
        pipeline.wait_caught_up()
        assert "note" in sender.types()
        pair.fail_over()
        TALLY.hit()
        pipeline.addresses = pair.on(stack)
        sender.send(second, note="new")
        finish(pipeline, supervisor)
        assert len(pipeline.events("table_altered")) == 2
        assert sender.rows("note") == [(None,), ("read again",), ("new",)]
        assert len(went_back(pipeline)) == 1
        verify(pipeline)


@KINDS
def test_partitions_that_the_replica_does_not_know(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: it lacks their rows of kafka_offsets, as if these had been deleted: they halt until a person starts anew."""
    with replicated(stack, kind, tmp_path) as (pair, pipeline):
        eventually(lambda: pair.replica.ask(f"SHOW TABLES FROM bank LIKE '{pipeline.topics[0]}'"), within=60)
        eventually(lambda: "consumer" in str(pair.replica.ask("SHOW GRANTS FOR consumer")), within=60)
        pair.replica.ask("STOP REPLICA IO_THREAD")
        supervisor = pipeline.supervise(env=QUICK)
        with pipeline.stream(1_000):
            all_run(pipeline)
            moves_on(pipeline)
            pair.fail_over()
            TALLY.hit()
            pipeline.addresses = pair.on(stack)
            assert supervisor.wait(60) == 78
            halted = [one["msg"] for one in pipeline.events("worker_halted")]
            assert len(halted) == pipeline.partitions
            assert all("its row in kafka_offsets is gone" in msg for msg in halted), halted
            supervisor = pipeline.supervise(env=QUICK)
            eventually(lambda: committed(pipeline), within=60, what="it begins at the start of the log")
        finish(pipeline, supervisor, halted=pipeline.partitions)
        assert pipeline.assert_exact() > 0


@KINDS
def test_a_semi_synchronous_replica_has_every_commit(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: a commit that was answered is on the replica: after the primary's kill -9 no offset goes back."""
    with replicated(stack, kind, tmp_path, semi_sync=True) as (pair, pipeline):
        supervisor = pipeline.supervise(env=QUICK)
        with pipeline.stream(1_000):
            all_run(pipeline)
            moves_on(pipeline)
            states = {one["Value"] for one in pair.primary.ask("SHOW STATUS LIKE 'Rpl_semi_sync%status'")}
            assert "ON" in states, "it never fell back to asynchronous replication"
            pair.fail_over()
            TALLY.hit()
            pipeline.addresses = pair.on(stack)
            moves_on(pipeline, "promoted")
        finish(pipeline, supervisor)
        assert not went_back(pipeline)
        assert pipeline.assert_exact() > 0


@KINDS
def test_a_planned_switch_of_the_primary(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: the old primary is read only, and its connections live: workers wait, and leave it, also at rest."""
    with replicated(stack, kind, tmp_path) as (pair, pipeline):
        supervisor = pipeline.supervise(env=QUICK)
        with pipeline.stream(1_000):
            all_run(pipeline)
            moves_on(pipeline)
            pair.primary.read_only(on=True)
            eventually(lambda: said_by_all(pair, pipeline), within=60, what="each server is said to be read only")
            TALLY.hit()
            pair.promote()
            pipeline.addresses = pair.on(stack)
            moves_on(pipeline, "promoted")
        pipeline.wait_caught_up()
        pair.rejoin()
        pair.primary.read_only(on=True)
        pair.promote()  # while all partitions are at rest
        pipeline.addresses = pair.on(stack)
        eventually(
            lambda: connected(pair, pair.primary.port) >= pipeline.partitions, within=90, what="idle writers move"
        )
        eventually(lambda: has_the_lock(pair), within=60, what="the supervisor's lock moves")
        TALLY.hit()
        finish(pipeline, supervisor)
        assert not went_back(pipeline)
        assert pipeline.assert_exact() > 0


def has_the_lock(pair: ReplicaPair) -> bool:
    """Whether the primary knows of a lock that a second supervisor would meet, and the other server of none."""
    lock = "IS_USED_LOCK(CONCAT('rtpipe:', LEFT(SHA2(consumer_group, 256), 48)))"
    question = f"SELECT {lock} AS holder FROM bank.kafka_offsets LIMIT 1"
    primary, replica = (one.ask(question)[0]["holder"] for one in (pair.primary, pair.replica))
    return primary is not None and replica is None


def said_by_all(pair: ReplicaPair, pipeline: Pipeline) -> bool:
    """A worker waits, and says of each server why."""
    told = [one["msg"] for one in pipeline.events("outage_began")]
    return any(all(f"127.0.0.1:{port} is read only" in msg for port in pair.ports) for msg in told)


def connected(pair: ReplicaPair, port: int) -> int:
    """Connections of writers to the server at this port."""
    member = next(one for one in (pair.primary, pair.replica) if one.port == port)
    return len(member.ask("SELECT 1 FROM information_schema.processlist WHERE user = 'consumer'"))


@KINDS
def test_an_old_primary_that_goes_on_taking_writes(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: split brain: what was committed there is lost with it, and read again once its connections are ended."""
    with replicated(stack, kind, tmp_path) as (pair, pipeline):
        supervisor = pipeline.supervise(env=QUICK)
        with pipeline.stream(1_000):
            all_run(pipeline)
            moves_on(pipeline)
            pair.replica.ask("STOP REPLICA IO_THREAD")
            pair.promote()  # and nobody tells the old one
            old, new = pair.replica, pair.primary
            before = committed(pipeline)
            eventually(
                lambda: committed(pipeline) > before, within=60, what="the live connections commit to the old one"
            )
            pipeline.addresses = pair.on(stack)
            old.read_only(on=True)  # its live connections fail at their next write
            eventually(lambda: len(went_back(pipeline)) >= pipeline.partitions, within=60, what="offsets went back")
            TALLY.hit()
            assert connected(pair, new.port) > 0
            moves_on(pipeline, "demoted")
        finish(pipeline, supervisor)
        assert pipeline.assert_exact() > 0
        verify(pipeline)


@KINDS
def test_a_host_name_that_leads_to_another_server(stack: Addresses, kind: Kind, tmp_path: Path) -> None:
    """F29: DNS moves: each new connection asks for the address again, so the new primary is found without a restart."""
    with replicated(stack, kind, tmp_path) as (pair, pipeline), contextlib.ExitStack() as proxies:
        first = proxies.enter_context(tcp_proxy(("127.0.0.1", pair.primary.port), at=("127.0.0.2", 0)))
        proxies.enter_context(tcp_proxy(("127.0.0.1", pair.replica.port), at=("127.0.0.3", first.port)))
        hosts = own_hosts(tmp_path / "hosts", "127.0.0.2 db.test")
        pipeline.prefix, name = hosts.prefix, f"db.test:{first.port}"
        pipeline.addresses = pair.on(stack, name)
        supervisor = pipeline.supervise(env=QUICK)
        with pipeline.stream(1_000):
            all_run(pipeline)
            moves_on(pipeline)
            pair.fail_over()
            hosts.write("127.0.0.3 db.test")
            TALLY.hit()
            pipeline.addresses = pair.on(stack, name)
            moves_on(pipeline, "promoted")
        finish(pipeline, supervisor)
        assert pipeline.assert_exact() > 0
