"""Who serves the topics that are found: this host alone; or, in supervisor/membership, the hosts of a group."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from supervisor.lifecycle.served_workers import ServedWorkers
from workers.contract.partition_spec import PartitionSpec


class TopicServing(Protocol):
    """Topics are taken and given up."""

    def topics(self) -> Mapping[str, str]:
        """Topic -> consumer group, of all that are taken, or not gone yet."""

    def has_topic(self, topic: str) -> bool:
        """Whether it is among them; asked at each turn of the loop."""

    def take_topic(self, specs: Sequence[PartitionSpec]) -> None:
        """Serve a topic; `specs`: of all its partitions."""

    def give_up_topics(self, topics: Collection[str], why: str) -> None:
        """What was read is committed, then they are served no more."""


class AllServed:
    """Each partition is served here."""

    def __init__(self, served: ServedWorkers) -> None:
        self._served = served

    def topics(self) -> Mapping[str, str]:
        """As TopicServing."""
        return {worker.spec.key.topic: worker.spec.group for worker in self._served.workers}

    def has_topic(self, topic: str) -> bool:
        """As TopicServing."""
        return self._served.has_topic(topic)

    def take_topic(self, specs: Sequence[PartitionSpec]) -> None:
        """As TopicServing."""
        self._served.take(specs, "a new topic; asked where its log begins")

    def give_up_topics(self, topics: Collection[str], why: str) -> None:
        """As TopicServing."""
        self._served.give_up_topics(topics, why)
