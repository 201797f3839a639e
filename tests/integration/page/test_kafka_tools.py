"""Kafka's own tools see what `rtpipe status` sees, and nothing that Kafka says of it reaches a row."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.supervision import supervised, supervising
from tests.support.stack.kafka_tools import described_group
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses


def mirrored(pipeline: Pipeline) -> dict[int, int]:
    """Partition -> offset of the topic's group in Kafka, by the admin API."""
    [topic] = pipeline.topics
    admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
    answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(f"group-{topic}")])
    return {one.partition: one.offset for one in answer[f"group-{topic}"].result(20).topic_partitions}


def is_mirrored(pipeline: Pipeline) -> bool:
    [topic] = pipeline.topics
    return mirrored(pipeline) == pipeline.offsets(topic)


def test_the_consumer_groups_tool_shows_the_lag_of_the_status(
    stack: Addresses, tmp_path: Path, tools_jar: Path
) -> None:
    """Of a partition that stands, too."""
    with running_pipeline(stack, tmp_path) as pipeline, supervising(pipeline):
        [topic] = pipeline.topics
        pipeline.produce(60)
        pipeline.wait_caught_up()
        pipeline.send(topic, b"no Avro", partition=1)
        eventually(lambda: pipeline.events("worker_halted"), what="the partition stands before it")
        pipeline.produce(90)

        def agree() -> bool:
            seen = {one["partition"]: (one["offset"], one["end_offset"], one["lag"]) for one in pipeline.status()}
            rows = described_group(tools_jar, stack.bootstrap_servers, f"group-{topic}")
            shown = {
                int(row["PARTITION"]): (int(row["CURRENT-OFFSET"]), int(row["LOG-END-OFFSET"]), int(row["LAG"]))
                for row in rows
            }
            assert shown == seen
            lags = [int(seen[number][2]) for number in range(3)]
            return lags[1] > 1 and lags[0] == lags[2] == 0

        def is_at(offset: int) -> bool:
            return mirrored(pipeline)[1] == pipeline.offsets(topic)[1] == offset

        eventually(agree, within=60, what="tool and status agree")
        assert is_mirrored(pipeline)
        bad = mirrored(pipeline)[1]
        for offset, then in ((bad - 1, bad - 1), (bad + 1, pipeline.watermarks(topic)[1][1])):  # the first: halts again
            done = pipeline.run("offsets", "set", f"{topic}/1", str(offset), "--yes")
            assert done.returncode == 0, done.stderr
            assert pipeline.run("resume", topic).returncode == 0
            eventually(partial(is_at, then), what="the mirror follows a person, backwards and forwards")
    assert not pipeline.events("offsets_not_mirrored")


def test_offsets_in_kafka_move_nothing_and_a_clean_end_leaves_the_last_ones(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path) as pipeline:
        [topic] = pipeline.topics
        pipeline.produce(30)
        assert supervised(pipeline) == 0
        assert is_mirrored(pipeline)
        admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        moved = [TopicPartition(topic, number, 0) for number in range(3)]
        request = [ConsumerGroupTopicPartitions(f"group-{topic}", moved)]
        admin.alter_consumer_group_offsets(request)[f"group-{topic}"].result(20)
        pipeline.produce(30)
        assert supervised(pipeline) == 0
        assert is_mirrored(pipeline)
        assert pipeline.assert_exact() == 60


def test_a_member_of_the_group_is_one_warning_and_stops_no_row(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path) as pipeline:
        [topic] = pipeline.topics
        group = f"group-{topic}"
        member = Consumer(
            {"bootstrap.servers": stack.bootstrap_servers, "group.id": group, "enable.auto.commit": False}
        )
        try:
            member.subscribe([topic])
            eventually(lambda: member.poll(0.1) or member.assignment(), what="it is a member")
            supervisor = pipeline.supervise()
            pipeline.produce(30)
            pipeline.wait_caught_up()
            [warning] = eventually(lambda: pipeline.events("offsets_not_mirrored"), what="the warning")
            assert (warning["level"], warning["topic"], warning["group"]) == ("warning", topic, group)
            assert "members of the group" in warning["msg"]
        finally:
            member.close()
        eventually(lambda: is_mirrored(pipeline), within=60, what="written once the member is gone")
        eventually(lambda: pipeline.events("offsets_mirrored"))
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        assert pipeline.assert_exact() == 30
        assert len(pipeline.events("offsets_not_mirrored")) == 1


def test_a_topic_whose_settings_say_no_is_not_mirrored(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, mirror_offsets=False) as pipeline:
        pipeline.produce(30)
        assert supervised(pipeline) == 0
        assert mirrored(pipeline) == {}
