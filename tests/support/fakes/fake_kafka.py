"""Kafka's clients as a test wants them: no thread, no socket, answers that are written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition


def failure(code: int, text: str = "") -> KafkaException:
    """What the client raises."""
    return KafkaException(KafkaError(code, text))


def answered(value: Any) -> Future[Any]:
    """A question that has its answer: `value`, or the exception that it is."""
    future: Future[Any] = Future()
    if isinstance(value, BaseException):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


class FakeAdmin:
    """AdminClient. `topics`: name -> (topic id, number of partitions), or the exception that it ends with."""

    made: ClassVar[list[FakeAdmin]] = []

    def __init__(self, properties: Mapping[str, Any], **_: object) -> None:
        self.properties = properties
        self.topics: dict[str, Any] = {}
        self.offsets: list[dict[tuple[str, int], Any]] = [{}]  #: for one question each; the last for all that follow
        self.metadata: list[Any] = [None]  #: the same: None, or the exception
        self.written: list[tuple[str, dict[tuple[str, int], int]]] = []  #: offsets of groups
        self.refusals: list[Any] = [None]  #: for one writing each: None, the exception, or the error of each partition
        self.told: list[KafkaError] = []  #: what `poll` hands to error_cb
        self.asked: list[str] = []
        FakeAdmin.made.append(self)

    def poll(self, _timeout: float) -> None:
        hear: Callable[[KafkaError], None] = self.properties["error_cb"]
        while self.told:
            hear(self.told.pop(0))

    def list_topics(self, topic: str = "", timeout: float = 0) -> Any:
        assert timeout > 0
        self.asked.append(f"metadata {topic}")
        said = _next(self.metadata)
        if isinstance(said, Exception):
            raise said
        return SimpleNamespace(cluster_id=said, topics=self.topics)

    def describe_topics(self, names: Any, request_timeout: float) -> dict[str, Future[Any]]:
        assert request_timeout > 0
        self.asked.append("describe")
        return {name: answered(self._description(name)) for name in self.topics}

    def _description(self, name: str) -> Any:
        said = self.topics[name]
        if isinstance(said, BaseException):
            return said
        topic_id, partitions = said
        return SimpleNamespace(
            topic_id=topic_id, partitions=[SimpleNamespace(id=number) for number in range(partitions)]
        )

    def list_offsets(self, wanted: Mapping[TopicPartition, Any], **_: object) -> dict[TopicPartition, Future[Any]]:
        self.asked.append("offsets")
        said = _next(self.offsets)
        return {
            key: answered(one if isinstance(one, BaseException) else SimpleNamespace(offset=one))
            for key in wanted
            for one in [said[key.topic, key.partition]]
        }

    def alter_consumer_group_offsets(self, wanted: list[Any], request_timeout: float) -> dict[str, Future[Any]]:
        assert request_timeout > 0
        [group] = wanted
        said = _next(self.refusals)
        if said is None:
            self.written.append(
                (group.group_id, {(one.topic, one.partition): one.offset for one in group.topic_partitions})
            )
        error = said if isinstance(said, KafkaError) else None
        outcome = SimpleNamespace(topic_partitions=[SimpleNamespace(error=error) for _ in group.topic_partitions])
        return {group.group_id: answered(said if isinstance(said, BaseException) else outcome)}


def _next(answers: list[Any]) -> Any:
    return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class FakeMessage:
    """What a consumer's `consume` returns: a message, or an event."""

    number: int
    at: int
    content: bytes | None = b""
    name: bytes | None = None
    wrong: KafkaError | None = None
    named: list[tuple[str, bytes]] = field(default_factory=list)

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def value(self) -> bytes | None:
        return self.content

    def key(self) -> bytes | None:
        return self.name

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self.named or None

    def error(self) -> KafkaError | None:
        return self.wrong


class FakeConsumer:
    """Consumer. `watermarks`: partition -> (first, end) of each topic in `topics`; `batches`: what it consumes."""

    made: ClassVar[list[FakeConsumer]] = []
    refuse: ClassVar[Exception | None] = None  #: what making one ends with

    def __init__(self, properties: Mapping[str, Any], **_: object) -> None:
        if FakeConsumer.refuse is not None:
            raise FakeConsumer.refuse
        self.properties = properties
        self.watermarks: dict[str, dict[int, Any]] = {}
        self.batches: list[list[FakeMessage]] = []
        self.assigned: list[tuple[str, int, int]] = []
        self.reached: dict[int, int] = {}  #: partition -> the next offset
        self.logins: list[tuple[str, str]] = []
        self.closed = False
        self.trouble: Exception | None = None
        FakeConsumer.made.append(self)

    def list_topics(self, timeout: float) -> Any:
        assert timeout > 0
        if self.trouble:
            raise self.trouble
        topics = {name: SimpleNamespace(partitions=dict.fromkeys(marks)) for name, marks in self.watermarks.items()}
        return SimpleNamespace(topics=topics)

    def get_watermark_offsets(self, where: TopicPartition, timeout: float) -> Any:
        assert timeout > 0
        found = self.watermarks[where.topic][where.partition]
        if isinstance(found, Exception):
            raise found
        return found

    def assign(self, wanted: list[TopicPartition]) -> None:
        self.assigned = [(one.topic, one.partition, one.offset) for one in wanted]

    def incremental_unassign(self, done: list[TopicPartition]) -> None:
        numbers = {one.partition for one in done}
        self.assigned = [one for one in self.assigned if one[1] not in numbers]

    def unassign(self) -> None:
        self.assigned = []

    def position(self, wanted: list[TopicPartition]) -> list[TopicPartition]:
        """Where each begins: nothing of it is read yet, or what `reached` says."""
        at = [self.reached.get(one.partition, -1001) for one in wanted]
        return [TopicPartition(one.topic, one.partition, offset) for one, offset in zip(wanted, at, strict=True)]

    def set_sasl_credentials(self, username: str, password: str) -> None:
        self.logins.append((username, password))

    def consume(self, most: int, _timeout: float) -> list[FakeMessage]:
        batch = self.batches.pop(0) if self.batches else []
        assert len(batch) <= most
        return batch

    def poll(self, _timeout: float) -> FakeMessage | None:
        batch = self.batches.pop(0) if self.batches else []
        return batch[0] if batch else None

    def close(self) -> None:
        self.closed = True
