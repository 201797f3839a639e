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
from workers.intake.batch_builder import headers_of
from workers.retry.dead_letter import DeadLetter

log = get_logger("letters")
_PATIENCE = 30.0


def pieces(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    """The letters in their order; each that must be fetched comes alone, since it is large."""
    start = 0
    for at, letter in enumerate(letters):
        if not letter.kept:
            yield letters[start:at]
            yield letters[at : at + 1]
            start = at + 1
    yield letters[start:]


class DeadLetterFetch:
    """Connects when the first letter needs it. `kafka`: librdkafka properties."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self._kafka = kafka
        self._consumer: Consumer | None = None
        self._topic_ids: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._consumer is not None:
            self._consumer.close()

    def whole(self, letter: DeadLetter) -> DeadLetter:
        """The letter with all that Kafka has of it; as it is where that is not needed, or not to be had."""
        if letter.kept or not self._kafka.get("bootstrap.servers"):
            return letter
        with contextlib.suppress(KafkaException, RtpipeError):
            message = self._message(letter) if self._topic_id(letter) == letter.source.topic_id else None
            if message is not None:
                headers = [(name, _bytes(content)) for name, content in headers_of([message]).get(0) or ()] or None
                key, value = _bytes(message.key()), _bytes(message.value())
                return dataclasses.replace(letter, key=key, value=value, headers=headers, fetched=True)
        return letter

    def _topic_id(self, letter: DeadLetter) -> str:
        topic = letter.source.key.topic
        if topic not in self._topic_ids:
            self._topic_ids[topic] = ClusterView(self._kafka).topics([topic])[0].topic_id
        return self._topic_ids[topic]

    def _message(self, letter: DeadLetter) -> Message | None:
        """The message, unless it is gone."""
        if self._consumer is None:
            with checked_properties():
                self._consumer = Consumer(one_off_reader(self._kafka, "dead-letters"), logger=log)
        self._consumer.assign([TopicPartition(letter.source.key.topic, letter.source.key.partition, letter.offset)])
        patience = Deadline.after(_PATIENCE)
        while not patience.passed():
            message = self._consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                return message if message.offset() == letter.offset else None
            if not error.retriable():
                return None
        return None


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
