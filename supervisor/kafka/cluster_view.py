"""What Kafka says about topics and the cluster, by the admin API; the supervisor never reads a message."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection

from rtpipe.deadline import Deadline
from rtpipe.pause import PausePolicy
from supervisor.kafka.admin_link import AdminLink
from supervisor.kafka.log_offsets import LogOffsets, Offsets
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

#: Seconds in which a topic that was made a moment ago becomes known to all brokers, and the pauses between questions.
_NEW_TOPIC, _NEW_TOPIC_PAUSES = 2.0, PausePolicy.steady(0.1)


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic as the cluster describes it."""

    topic: str
    topic_id: str
    partitions: tuple[PartitionKey, ...]


class ClusterView:
    """Questions to one cluster.

    Each raises UnreachableError after `timeout` seconds without an answer, LoginRefusedError if no broker lets us in,
    and AccessDeniedError if the account may not ask. Making one raises SettingsError for properties that are none.
    """

    def __init__(self, kafka: Mapping[str, str], timeout: float = 10.0, file: str = "") -> None:
        """`file`: where some of `kafka` came from, to be read again."""
        self._link = AdminLink(kafka, timeout, file)
        self._offsets = LogOffsets(self._link)

    @property
    def address(self) -> str:
        """The brokers that were given."""
        return self._link.address

    def cluster_id(self, topic: str) -> str:
        """The id of the cluster behind the address, "" if it tells none, asked by way of this topic's metadata.

        Not by describe_cluster: librdkafka (2.16) aborts the process where that is answered by a broker that knows of
        no broker, as one does for a moment after it was frozen for longer than its session.
        """
        try:
            return str(self._link.client.list_topics(topic, timeout=self._link.timeout).cluster_id or "")
        except KafkaException as exc:
            raise self._link.translated(exc) from exc

    def topic_names(self) -> list[str]:
        """All topics of the cluster that the account may see, Kafka's own among them."""
        try:
            return list(self._link.client.list_topics(timeout=self._link.timeout).topics)
        except KafkaException as exc:
            raise self._link.translated(exc) from exc

    def topics(self, names: Sequence[str]) -> list[TopicFacts]:
        """Facts of these topics, in their order. Raises SetupError naming each one that does not exist.

        One that was made a moment ago may be unknown to the broker that is asked: it gets two seconds.
        """
        patience = Deadline.after(_NEW_TOPIC)
        while True:
            found, missing = self.describe(names)
            if not missing:
                return found
            if patience.passed():
                raise SetupError(
                    f"Kafka at {self._link.address} has no topic {', '.join(missing)}",
                    hint="create topics and tables with: rtpipe infra create",
                )
            time.sleep(_NEW_TOPIC_PAUSES.seconds())

    def describe(self, names: Sequence[str]) -> tuple[list[TopicFacts], list[str]]:
        """What there is of these topics, and the names of the others."""
        futures = self._link.client.describe_topics(TopicCollection(list(names)), request_timeout=self._link.timeout)
        found, missing = [], []
        for name in names:
            try:
                description = self._link.answer(futures[name])
            except SetupError:
                missing.append(name)
                continue
            keys = tuple(PartitionKey(name, partition.id) for partition in description.partitions)
            found.append(TopicFacts(name, str(description.topic_id), tuple(sorted(keys))))
        return found, missing

    def log_begins(self, keys: Sequence[PartitionKey]) -> Offsets:
        """Where each partition's log begins."""
        return self._offsets.begins(keys)

    def log_ends(self, keys: Sequence[PartitionKey]) -> Offsets:
        """Where each partition's committed part of the log ends."""
        return self._offsets.ends(keys)
