"""What Kafka says about topics and the cluster, by the admin API; the supervisor never reads a message."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from avro_schemas.credentials import AccessDeniedError
from avro_schemas.errors import UnreachableError
from workers.deadline import Deadline
from workers.errors import SetupError
from workers.partition_spec import PartitionKey
from workers.process_log import get_logger

log = get_logger("supervisor")
_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}  # noqa: SLF001 - their public spelling
_NEW_TOPIC = 2.0
_DENIED = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic as the cluster describes it."""

    topic: str
    topic_id: str
    partitions: tuple[PartitionKey, ...]


class ClusterView:
    """Questions to one cluster. Each raises UnreachableError after `timeout` seconds without an answer."""

    def __init__(self, kafka: Mapping[str, str], timeout: float = 10.0) -> None:
        self._address = kafka["bootstrap.servers"]
        self._timeout = timeout
        quiet = {"socket.timeout.ms": str(int(timeout * 1000)), "log_level": "0", "allow.auto.create.topics": "false"}
        self._admin = AdminClient({**quiet, **kafka}, logger=log)

    def cluster_id(self, topic: str) -> str:
        """The id of the cluster behind the address, "" if it tells none, asked by way of this topic's metadata.

        Not by describe_cluster: librdkafka (2.16) aborts the process where that is answered by a broker that knows of
        no broker, as one does for a moment after it was frozen for longer than its session.
        """
        try:
            return str(self._admin.list_topics(topic, timeout=self._timeout).cluster_id or "")
        except KafkaException as exc:
            raise self._translated(exc) from exc

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
                    f"Kafka at {self._address} has no topic {', '.join(missing)}",
                    hint="create topics and tables with: rtpipe infra create",
                )
            time.sleep(0.1)

    def describe(self, names: Sequence[str]) -> tuple[list[TopicFacts], list[str]]:
        """What there is of these topics, and the names of the others."""
        futures = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=self._timeout)
        found, missing = [], []
        for name in names:
            try:
                description = self._answer(futures[name])
            except SetupError:
                missing.append(name)
                continue
            keys = tuple(PartitionKey(name, partition.id) for partition in description.partitions)
            found.append(TopicFacts(name, str(description.topic_id), tuple(sorted(keys))))
        return found, missing

    def first_offsets(self, keys: Sequence[PartitionKey]) -> dict[PartitionKey, int]:
        """Where each partition's log begins."""
        return self._offsets(keys, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def end_offsets(self, keys: Sequence[PartitionKey]) -> dict[PartitionKey, int]:
        """Where each partition's committed part of the log ends."""
        return self._offsets(keys, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def _offsets(self, keys: Sequence[PartitionKey], which: OffsetSpec) -> dict[PartitionKey, int]:
        if not keys:
            return {}
        futures = self._admin.list_offsets(
            {TopicPartition(key.topic, key.partition): which for key in keys},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._timeout,
        )
        answers = {(where.topic, where.partition): self._answer(future) for where, future in futures.items()}
        return {key: int(answers[key.topic, key.partition].offset) for key in keys}

    def _answer(self, future: Any) -> Any:
        try:
            return future.result(self._timeout + 5)
        except KafkaException as exc:
            raise self._translated(exc) from exc
        except TimeoutError as exc:
            raise self._unreachable("no answer") from exc

    def _translated(self, failure: KafkaException) -> SetupError | AccessDeniedError | UnreachableError:
        error = failure.args[0]
        if error.code() in _NO_TOPIC:
            return SetupError(f"Kafka at {self._address}: {error.str()}")
        if error.code() in _DENIED:
            return AccessDeniedError(f"Kafka at {self._address}: {error.str()}")
        return self._unreachable(error.str())

    def _unreachable(self, why: str) -> UnreachableError:
        return UnreachableError(
            f"Kafka at {self._address} cannot be reached: {why}",
            hint="check RTPIPE_BOOTSTRAP_SERVERS and that the brokers are up",
        )
