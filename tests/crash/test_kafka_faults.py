"""Brokers die and come back, logs are cut, topics are made again under the same name."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from infra.stack.embedded_stack import up
from tests.support.faults.database_proxy import Do, Statement
from tests.support.faults.fault_run import QUICK, all_run, fault_run, generations
from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.remade_topic import recreate
from tests.support.stack.stack_processes import broker_of, server_of, stack_directory
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults


def test_all_brokers_die_and_come_back(stack: Addresses, tmp_path: Path) -> None:
    """F32, F33: killed under load; rtpipe waits, one that is started meanwhile waits too, and nobody counts a crash."""
    directory = stack_directory(server_of(stack))
    for name in ("early", "late"):
        (tmp_path / name).mkdir()
    with (
        fault_run(stack, tmp_path / "early") as run,
        running_pipeline(stack, tmp_path / "late", partitions=1) as late,
    ):
        late.produce(100)
        with run.moving(500):
            before = generations(run.pipeline)
            broker = broker_of(stack)
            broker.kill()
            eventually(lambda: not broker.is_running(), within=30)
            eventually(lambda: run.events("outage_began"), within=60, what="the outage is told")
            TALLY.hit()
            eventually(lambda: shown(run.pipeline) == {("waiting", None, None)}, within=30, what="all of them wait")
            assert all("no broker of Kafka answers at" in one["reason"] for one in run.pipeline.status())
            assert run.pipeline.run("status").returncode == 3
            waiting = late.supervise(env=QUICK)
            eventually(lambda: late.events("outage_began"), within=60, what="a new supervisor waits for Kafka")
            assert waiting.poll() is None
            assert eventually(lambda: shown(late)) == {("waiting", None, None)}
            up(directory)
            run.moves_on("broker killed and back")
            late.wait_caught_up()
            run.wait_event("outage_ended")
            assert generations(run.pipeline) == before
        assert run.finish() > 0
        run.no_death()
        assert (len(run.events("outage_began")), len(run.events("outage_ended"))) == (1, 1)
        assert "rdkafka" not in text_of(run.pipeline), "the client's own lines"
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(60) == 0
        assert late.assert_exact() == 100


def shown(pipeline: Pipeline) -> set[tuple[str, int | None, int | None]]:
    """State, lag and end of the partitions."""
    return {(one["state"], one["lag"], one["end_offset"]) for one in pipeline.status()}


def text_of(pipeline: Pipeline) -> str:
    return pipeline.log.read_text()


def test_a_frozen_broker(stack: Addresses, tmp_path: Path) -> None:
    """F32: it accepts connections and answers nothing, until its clients' requests have timed out.

    And until the others hold it for dead: for a moment after it wakes up it says that there is no broker at all, which
    the supervisor, which asks all the time here, must not mind.
    """
    kafka = json.dumps({"socket.timeout.ms": "3000"})
    with fault_run(stack, tmp_path, env={"RTPIPE_KAFKA": kafka, "RTPIPE_TOPIC_CHECK_SECONDS": "0.01"}) as run:
        with run.moving(500):
            before = generations(run.pipeline)
            broker = broker_of(stack)
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                with pytest.raises(KafkaException):  # another client, with a longer patience than the consumers'
                    AdminClient({"bootstrap.servers": stack.bootstrap_servers}).list_topics(timeout=6)
                TALLY.hit()
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            run.moves_on("broker frozen and back")
            assert generations(run.pipeline) == before
        assert run.finish() > 0
        run.no_death()


def test_an_open_transaction_holds_the_reader_back(stack: Addresses, tmp_path: Path) -> None:
    """F37: nothing beyond it gets in until it ends; then all that was committed does, and nothing that was aborted."""
    with fault_run(stack, tmp_path) as run:
        all_run(run.pipeline)
        plain, *transactional = [
            ordered_producer(stack.bootstrap_servers, more)
            for more in ({}, transaction_of(f"{run.topic} 1"), transaction_of(f"{run.topic} 2"))
        ]
        for producer in transactional:
            producer.init_transactions(60)
            producer.begin_transaction()
        put(run.pipeline, transactional[0], "committed", 10)
        put(run.pipeline, transactional[1], "aborted", 10)
        put(run.pipeline, plain, "beyond", 10)
        put(run.pipeline, plain, "elsewhere", 10, partition=1)
        eventually(lambda: run.pipeline.offsets(run.topic) == {0: 0, 1: 10}, within=60, what="the other partition")
        TALLY.hit()
        transactional[0].commit_transaction(30)
        eventually(lambda: run.pipeline.offsets(run.topic)[0] == 10, within=60, what="up to the one that is open")
        transactional[1].abort_transaction(30)
        assert run.finish() == 30
        run.no_death()
        assert run.pipeline.offsets(run.topic) == {0: 10 + 10 + 10 + 2, 1: 10}  # a marker for each transaction


def transaction_of(name: str) -> dict[str, Any]:
    """Properties of a producer whose transactions stay open for as long as the test may take."""
    return {"transactional.id": name, "transaction.timeout.ms": 300_000}


def put(pipeline: Pipeline, producer: Producer, key: str, count: int, partition: int = 0) -> None:
    """Messages of one key into one partition."""
    [topic] = pipeline.topics
    for seq in range(1, count + 1):
        producer.produce(topic, pipeline.body(topic, key, seq, "x"), key, partition=partition)
    assert producer.flush(30) == 0


def test_gaps_that_compaction_left(stack: Addresses, tmp_path: Path) -> None:
    """F37: the log has lost most of its messages before they were read, and offsets jump over them."""
    compacted = {"cleanup.policy": "compact", "segment.bytes": str(1 << 20), "min.cleanable.dirty.ratio": "0.01",
                 "max.compaction.lag.ms": "1000"}  # fmt: skip
    with running_pipeline(stack, tmp_path, partitions=1, topic_config=compacted) as pipeline:
        [topic] = pipeline.topics
        pipeline.produce(50, keys=50)
        pipeline.produce(2_000, keys=1, payload="p" * 1_000)  # into several segments
        pipeline.produce(50, keys=50)
        eventually(lambda: len(pipeline.messages(topic)) < 1_500, within=120, what="the log is compacted")
        enough = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        where = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[enough])
        for future in admin.incremental_alter_configs([where]).values():
            future.result(30)
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        assert 50 <= pipeline.assert_exact() < 1_500
        offsets = [offset for [offset] in pipeline.query(f"SELECT _kafka_offset FROM `{topic}` ORDER BY 1")]
        assert max(after - before for before, after in pairwise(offsets)) > 100, offsets
        TALLY.hit()


def test_records_deleted_under_a_consumer_that_is_far_behind(stack: Addresses, tmp_path: Path) -> None:
    """F34: the log begins beyond what it has read; it halts by name, and never skips."""
    kafka = json.dumps({"queued.min.messages": "1", "queued.max.messages.kbytes": "64", "fetch.max.bytes": "65536",
                        "message.max.bytes": "65536"})  # fmt: skip
    small: dict[str, Any] = {"batch_rows": 10, "queue_batches": 1}
    with fault_run(stack, tmp_path, partitions=1, env={"RTPIPE_KAFKA": kafka}, **small) as run:
        all_run(run.pipeline)
        run.pipeline.produce(100, payload="p" * 1_000)
        run.pipeline.wait_caught_up()
        held = run.proxy.arm(Statement.COMMIT, Do.HOLD_REPLY)
        run.pipeline.produce(3_000, payload="p" * 1_000)
        run.wait_hit(held)
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        for future in admin.delete_records([TopicPartition(run.topic, 0, 3_000)]).values():
            future.result(30)
        held.release()
        said = run.wait_event("worker_halted")[0]["msg"]
        stored = run.pipeline.offsets(run.topic)[0]
        assert "E_OFFSET_GONE" in said
        assert "log is [3000,3100)" in said
        assert said.endswith("exiting 66")
        assert run.supervisor.wait(30) == 66
        assert 100 <= stored < 3_000
        assert run.pipeline.query(f"SELECT COUNT(*) FROM `{run.topic}`") == [(stored,)]


@pytest.mark.parametrize("running", [True, False], ids=["while running", "between two runs"])
def test_topics_made_again_shorter_equal_and_longer(stack: Addresses, tmp_path: Path, running: bool) -> None:
    """F35: the id decides, never the length; not one row of the new topics gets in before `rtpipe adopt`.

    The consumers see it by themselves: the supervisor's own look at the ids comes much later.
    """
    counts = (100, 200, 300)
    env = {**QUICK, "RTPIPE_TOPIC_CHECK_SECONDS": "600"}
    with running_pipeline(stack, tmp_path, topics=3, partitions=1, metadata=False) as pipeline:
        pipeline.produce(200)
        supervisor = pipeline.supervise(env=env)
        pipeline.wait_caught_up()
        if not running:
            supervisor.send_signal(signal.SIGTERM)
            assert supervisor.wait(60) == 0
        topics = list(pipeline.topics)
        for topic, count in zip(topics, counts, strict=True):
            recreate(pipeline, topic)
            pipeline.topics = [topic]
            pipeline.produce(count)
        pipeline.topics = topics
        if not running:
            supervisor = pipeline.supervise(env=env)
        assert supervisor.wait(60) == 76
        halted = {entry["partition"]: entry["msg"] for entry in pipeline.events("worker_halted")}
        assert set(halted) == {f"{topic}/0" for topic in topics}
        assert all("topic id changed" in text for text in halted.values())
        TALLY.hit(len(halted))
        assert [pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") for topic in topics] == [[(200,)]] * 3
        for topic in topics:
            assert pipeline.run("adopt", topic, "--yes").returncode == 0
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        assert [pipeline.query(f"SELECT COUNT(*) FROM `{topic}`")[0][0] for topic in topics] == [
            200 + count for count in counts
        ]


def test_another_cluster_behind_the_same_address(stack: Addresses, tmp_path: Path) -> None:
    """F35: the offset is of another cluster, as its stored id says: nothing of this one gets in until it is adopted."""
    with running_pipeline(stack, tmp_path, partitions=1, metadata=False) as pipeline:
        [topic] = pipeline.topics
        pipeline.produce(100)
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        pipeline.query("UPDATE kafka_offsets SET cluster_id = 'another' WHERE topic = %s", topic)
        pipeline.produce(50)
        assert pipeline.supervise("--until-caught-up").wait(60) == 76
        [halted] = pipeline.events("worker_halted")
        assert "cluster id changed another -> " in halted["msg"]
        TALLY.hit()
        assert (pipeline.offsets(topic), pipeline.query(f"SELECT COUNT(*) FROM `{topic}`")) == ({0: 100}, [(100,)])
        assert pipeline.run("adopt", topic, "--yes").returncode == 0
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(250,)]


def test_a_topic_made_again_whose_rows_have_the_old_ones_keys(stack: Addresses, tmp_path: Path) -> None:
    """F35: offsets begin anew, and the primary key of partition and offset has them: told, with the way out."""
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        [topic] = pipeline.topics
        pipeline.produce(100)
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        recreate(pipeline, topic)
        pipeline.produce(50)
        assert pipeline.run("adopt", topic, "--yes").returncode == 0
        assert pipeline.supervise("--until-caught-up").wait(60) == 70
        assert "Was the topic made again?" in pipeline.events("worker_halted")[0]["msg"]
        TALLY.hit()
        pipeline.query(f"TRUNCATE TABLE `{topic}`")
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        assert pipeline.query(f"SELECT COUNT(*), MAX(_kafka_offset) FROM `{topic}`") == [(50, 49)]
        answer = pipeline.run("verify", "--values", "--topics", topic)
        assert answer.returncode == 0, answer.stdout
