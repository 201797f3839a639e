"""Frozen processes, second supervisors, topics made again: what the supervisor finds and does about it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from tests.support.faults.fault_run import moves_on
from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.remade_topic import recreate
from tests.support.pipeline.supervision import finish, replaced, running
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

QUICK = {"RTPIPE_HEARTBEAT_SECONDS": "8", "RTPIPE_DATABASE_SECONDS": "4", "RTPIPE_TOPIC_CHECK_SECONDS": "1"}


@pytest.mark.parametrize("who", ["pid", pytest.param("writer_pid", marks=pytest.mark.faults)])
def test_a_frozen_process_is_found_and_replaced(stack: Addresses, tmp_path: Path, who: str) -> None:
    """F12: SIGSTOP of consumer or writer; no heartbeat, so it is replaced, while the others go on."""
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise(env=QUICK)
        with pipeline.stream():
            victim = eventually(lambda: running(pipeline), within=60)[0]
            os.kill(victim[who], signal.SIGSTOP)
            eventually(lambda: pipeline.events("worker_stuck"), within=60, what="the frozen worker is found")
            TALLY.hit()
            eventually(lambda: replaced(pipeline, victim["pid"]), within=60, what="it is replaced")
            moves_on(pipeline)
            restarted = [True, False, False]
            eventually(lambda: [bool(p["restarts"]) for p in running(pipeline)] == restarted, what="one was restarted")
        finish(pipeline, supervisor)


def test_a_stuck_process_leaves_its_stacks_in_the_log(stack: Addresses, tmp_path: Path) -> None:
    """F12: SIGABRT writes the stacks of all threads before it ends the process."""
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        supervisor = pipeline.supervise(env=QUICK)
        victim = eventually(lambda: running(pipeline), within=60)[0]
        os.kill(victim["pid"], signal.SIGABRT)
        [stacks] = eventually(lambda: pipeline.events("worker_stacks"), within=30)
        TALLY.hit()
        assert stacks["stacks_of"] == "consumer"
        assert stacks["stacks"].startswith("Fatal Python error: Aborted")
        assert "Current thread" in stacks["stacks"]
        eventually(lambda: replaced(pipeline, victim["pid"]), within=60)
        finish(pipeline, supervisor)


@pytest.mark.faults
def test_a_writer_that_spins_is_found_with_its_stacks(stack: Addresses, tmp_path: Path) -> None:
    """F12: as in an endless regular expression: it is told to write its stacks, killed and replaced."""
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise(env=QUICK | {"RTPIPE_KILL_POINT": "writer:cas_done=hang"})
        pipeline.produce(1_000)
        stuck = partial(partitions_of, pipeline, "worker_stuck")
        eventually(lambda: len(stuck()) == 3, within=60, what="the writers of all partitions are found")
        TALLY.hit(3)
        pipeline.wait_caught_up()
        stacks = {e["partition"]: e["stacks"] for e in pipeline.events("worker_stacks") if e["stacks_of"] == "writer"}
        assert stacks.keys() == stuck()
        for text in stacks.values():
            assert 'workers/kill_points.py", line' in text
            assert "in transact" in text
        assert finish(pipeline, supervisor) == 1_000
        for line in pipeline.log.read_text().splitlines():
            assert isinstance(json.loads(line), dict), "three processes that died at once tore no line"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "the writer was killed by SIGKILL (out of memory?)"),
        (signal.SIGSEGV, "the writer was killed by SIGSEGV (a crash in native code)"),
    ],
    ids=["SIGKILL", "SIGSEGV"],
)
def test_log_and_status_say_how_a_writer_died(
    stack: Addresses, tmp_path: Path, number: signal.Signals, words: str
) -> None:
    """F3: as the kernel does when memory is short, or a driver crashes; not how its consumer left because of it."""
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        supervisor = pipeline.supervise(env=QUICK)
        victim = eventually(lambda: running(pipeline), within=60)[0]
        os.kill(victim["writer_pid"], number)
        [died] = eventually(lambda: pipeline.events("worker_died"), within=30)
        TALLY.hit()
        assert f"pid={victim['writer_pid']} {words}; restart in" in died["msg"]
        assert (died["died_process"], died["exit_code"]) == ("writer", -number)
        eventually(lambda: replaced(pipeline, victim["pid"]), within=60)
        assert running(pipeline)[0]["last_death"] == words
        finish(pipeline, supervisor)


def partitions_of(pipeline: Pipeline, event: str) -> set[str]:
    return {entry["partition"] for entry in pipeline.events(event)}


@pytest.mark.faults
@pytest.mark.parametrize("then", [signal.SIGCONT, signal.SIGKILL], ids=["wakes up", "dies"])
def test_a_zombie_after_its_successor_is_fenced(stack: Addresses, tmp_path: Path, then: signal.Signals) -> None:
    """F8, F9: two supervisors, the first one's writer frozen: neither it nor its replacement takes anything back."""
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        first = pipeline.supervise()
        with pipeline.stream():
            zombie = eventually(lambda: running(pipeline), within=60)[0]
            os.kill(zombie["writer_pid"], signal.SIGSTOP)
            before = pipeline.query("SELECT epoch FROM kafka_offsets WHERE topic = %s", pipeline.topics[0])[0][0]
            second = pipeline.supervise("--take-over")
            eventually(lambda: epoch(pipeline) > before, within=60, what="the second supervisor claims")
            os.kill(zombie["writer_pid"], then)
            assert first.wait(60) == 79
            TALLY.hit()
            moves_on(pipeline)
        finish(pipeline, second)
        assert epoch(pipeline) == before + 1, "the first one never claimed back"


def epoch(pipeline: Pipeline) -> int:
    return int(pipeline.query("SELECT MAX(epoch) FROM kafka_offsets WHERE topic = %s", pipeline.topics[0])[0][0])


@pytest.mark.faults
def test_a_second_supervisor_is_refused_politely(stack: Addresses, tmp_path: Path) -> None:
    """F9: exit 75, and the first one never notices."""
    with running_pipeline(stack, tmp_path) as pipeline:
        first = pipeline.supervise()
        eventually(lambda: running(pipeline), within=60)
        second = pipeline.run("supervise", "--topics", pipeline.topics[0])
        assert second.returncode == 75
        TALLY.hit()
        assert "E_LOCKED" in second.stderr
        assert f"group-{pipeline.topics[0]}" in second.stderr
        assert "--take-over" in second.stderr
        pipeline.produce(1_000)
        finish(pipeline, first)


@pytest.mark.faults
@pytest.mark.parametrize("while_running", [True, False])
def test_a_topic_made_again_halts_until_it_is_adopted(stack: Addresses, tmp_path: Path, while_running: bool) -> None:
    """F35: the topic's id tells; exit 76, and a person adopts the new one."""
    with running_pipeline(stack, tmp_path, partitions=1, metadata=False) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(500)
        supervisor = pipeline.supervise(env=QUICK)
        pipeline.wait_caught_up()
        if not while_running:
            supervisor.terminate()
            assert supervisor.wait(60) == 0
        recreate(pipeline, topic)
        if not while_running:
            supervisor = pipeline.supervise(env=QUICK)
        assert supervisor.wait(60) == 76
        assert "topic id changed" in pipeline.log.read_text()
        TALLY.hit()
        pipeline.produce(700)
        assert pipeline.run("adopt", topic, "--yes").returncode == 0
        supervisor = pipeline.supervise(env=QUICK)
        pipeline.wait_caught_up()
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(1_200,)]


@pytest.mark.faults
def test_offsets_that_are_gone_halt_one_partition_until_a_person_decides(stack: Addresses, tmp_path: Path) -> None:
    """F34: how many records are gone, and nothing skipped until told to."""
    with running_pipeline(stack, tmp_path, partitions=2, metadata=False) as pipeline:
        topic = pipeline.topics[0]
        supervisor = pipeline.supervise()
        pipeline.produce(100)
        pipeline.wait_caught_up()
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        pipeline.produce(1_000)
        stored, high = pipeline.offsets(topic)[0], pipeline.watermarks(topic)[0][1]
        cut = (stored + high) // 2
        admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
        for future in admin.delete_records([TopicPartition(topic, 0, cut)]).values():
            future.result(30)
        supervisor = pipeline.supervise()
        halted = eventually(lambda: pipeline.events("worker_halted"), within=60)[0]
        assert f"stored {stored}, log is [{cut},{high}): {cut - stored} records gone" in halted["msg"]
        TALLY.hit()
        eventually(lambda: pipeline.offsets(topic)[1] == pipeline.watermarks(topic)[1][1], within=60)
        refused = pipeline.run("offsets", "set", f"{topic}/0", str(high + 5), "--yes")
        assert refused.returncode == 2
        done = pipeline.run("offsets", "set", f"{topic}/0", str(cut), "--yes")
        assert f"{cut - stored:,} offsets will be SKIPPED" in done.stdout
        assert pipeline.run("resume", f"{topic}/0").stdout == f"resumed {topic}/0\n"
        pipeline.wait_caught_up()
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(1_100 - (cut - stored),)]


@pytest.mark.faults
def test_what_systemd_hears(stack: Addresses, tmp_path: Path) -> None:
    """F14: ready, signs of life that stop when the loop does, the halted partition by name, stopping."""
    with (
        running_pipeline(stack, tmp_path, partitions=2) as pipeline,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        env = QUICK | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1500000"}
        supervisor = pipeline.supervise(env=env)
        assert heard(systemd, "READY=1")
        assert "STATUS=2 of 2 partitions running" in heard(systemd, "2 of 2")
        os.kill(supervisor.pid, signal.SIGSTOP)
        while select.select([systemd], [], [], 3)[0]:  # what was sent before, and then nothing for six signs of life
            systemd.recv(4_096)
        os.kill(supervisor.pid, signal.SIGCONT)
        assert heard(systemd, "WATCHDOG=1")
        pipeline.send(pipeline.topics[0], b"no Avro", partition=1)
        assert heard(systemd, f"1 of 2 partitions running; halted: {pipeline.topics[0]}/1")
        TALLY.hit()
        supervisor.send_signal(signal.SIGTERM)
        assert heard(systemd, "STOPPING=1")
        assert supervisor.wait(60) == 65


def heard(systemd: socket.socket, word: str) -> str:
    """The next message that has this word."""
    while word not in (text := systemd.recv(4_096).decode()):
        pass
    return text
