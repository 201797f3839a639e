"""librdkafka's consumer without librdkafka: it gives what a test lays into it."""

from __future__ import annotations

import threading
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition


class FakeEvent:
    """What `consume` gives in the place of a message: an error, or the end of the partition at `offset`."""

    def __init__(self, code: int, offset: int | None = None, *, text: str = "why", fatal: bool = False) -> None:
        self._error = KafkaError(code, text, fatal=fatal)
        self._offset = offset

    def error(self) -> KafkaError:
        return self._error

    def offset(self) -> int | None:
        return self._offset


class FakeReader:
    """`polls` are given one after the other: the first message of one at the first call, the rest at the second."""

    def __init__(self, config: dict[str, Any], *, logger: Any) -> None:
        self.config = config
        self.logger = logger
        self.assigned: list[TopicPartition] = []
        self.polls: list[list[Any]] = []
        self.asked: list[tuple[int, float]] = []
        self.watermarks: tuple[int, int] | None = (0, 0)  #: None: no broker answers
        self.closed = False
        self.gate: threading.Event | None = None  #: what a wait for messages waits for
        self.trouble: Exception | None = None  #: what it raises
        self.reached = OFFSET_INVALID  #: the offset after the last message that was consumed

    def position(self, where: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self.reached) for one in where]

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = partitions

    def consume(self, most: int, timeout: float) -> list[Any]:
        self.asked.append((most, timeout))
        if self.gate is not None:
            self.gate.wait(60)
        if self.trouble is not None:
            raise self.trouble
        if not self.polls:
            return []
        taken, self.polls[0] = self.polls[0][:most], self.polls[0][most:]
        if not self.polls[0]:
            del self.polls[0]
        return taken

    def get_watermark_offsets(self, _where: TopicPartition, **_how: Any) -> tuple[int, int]:
        if self.watermarks is None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return self.watermarks

    def close(self) -> None:
        self.closed = True
