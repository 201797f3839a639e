"""A topic that is deleted and made again under its name."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.pipeline.pipeline import Pipeline
from tests.support.waits import eventually


def recreate(pipeline: Pipeline, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
    admin.delete_topics([topic])[topic].result(30)

    def created() -> bool:
        try:
            admin.create_topics([NewTopic(topic, pipeline.partitions, 1)])[topic].result(30)
        except Exception:
            return False
        return True

    eventually(created, within=60, what="the topic is made again")
