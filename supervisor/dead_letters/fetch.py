"""Messages whose content was too large for the table of dead letters: read from Kafka once more."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from rtpipe.deadline import Deadline
from rtpipe.errors import RtpipeError
from rtpipe.kafka.clients import checked_properties
from rtpipe.kafka.properties import one_off_reader
from rtpipe.log import get_logger
from supervisor.kafka.cluster_view import ClusterView
from workers.intake.message_columns import headers_of
from workers.retry.dead_letter import DeadLetter

log = get_logger("dead_letters")
_PATIENCE = 30.0


def pieces(dead_letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    """The dead letters in their order; each that must be fetched comes alone, since it is large."""
    start = 0
    for at, dead_letter in enumerate(dead_letters):
        if not dead_letter.kept:
            yield dead_letters[start:at]
            yield dead_letters[at : at + 1]
            start = at + 1
    yield dead_letters[start:]


class DeadLetterFetch:
    """Connects when the first dead letter needs it. `kafka`: librdkafka properties."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self._kafka = kafka
        self._consumer: Consumer | None = None
        self._topic_ids: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._consumer is not None:
            self._consumer.close()

    def whole(self, dead_letter: DeadLetter) -> DeadLetter:
        """The dead letter with all that Kafka has of it; as it is where that is not needed, or not to be had."""
        if dead_letter.kept or not self._kafka.get("bootstrap.servers"):
            return dead_letter
        with contextlib.suppress(KafkaException, RtpipeError):
            message = self._message(dead_letter) if self._topic_id(dead_letter) == dead_letter.source.topic_id else None
            if message is not None:
                headers = [(name, _bytes(content)) for name, content in headers_of([message]).get(0) or ()] or None
                key, value = _bytes(message.key()), _bytes(message.value())
                return dataclasses.replace(dead_letter, key=key, value=value, headers=headers, fetched=True)
        return dead_letter

    def _topic_id(self, dead_letter: DeadLetter) -> str:
        topic = dead_letter.source.key.topic
        if topic not in self._topic_ids:
            self._topic_ids[topic] = ClusterView(self._kafka).topics([topic])[0].topic_id
        return self._topic_ids[topic]

    def _message(self, dead_letter: DeadLetter) -> Message | None:
        """The message, unless it is gone."""
        if self._consumer is None:
            with checked_properties():
                self._consumer = Consumer(one_off_reader(self._kafka, "dead-letters"), logger=log)
        self._consumer.assign(
            [TopicPartition(dead_letter.source.key.topic, dead_letter.source.key.partition, dead_letter.offset)]
        )
        patience = Deadline.after(_PATIENCE)
        while not patience.passed():
            message = self._consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                return message if message.offset() == dead_letter.offset else None
            if not error.retriable():
                return None
        return None


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
