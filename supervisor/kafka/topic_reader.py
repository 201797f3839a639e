"""Reads a topic once more, by a consumer of its own: its watermarks, and its committed messages."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.deadline import Deadline
from rtpipe.errors import ExitCode, RtpipeError, SettingsError, UnreachableError
from rtpipe.kafka import error_codes
from rtpipe.kafka.broker_errors import BrokerErrors
from rtpipe.kafka.clients import checked_properties
from rtpipe.kafka.properties import FAST_READER, one_off_reader
from rtpipe.kafka.renewal import KafkaRenewal, read_on
from rtpipe.pause import PausePolicy
from workers.contract.errors import SetupError

BATCH = 5_000  #: messages a call
WAIT_SECONDS = 0.05  #: a call, for a batch to fill
FOLLOW_SECONDS = 0.5  #: a call that waits for messages which nobody has sent yet
SILENCE_SECONDS = 30.0  #: without a message or an end: the broker is taken for gone

#: Between two questions to a partition whose leader changes.
_LEADER_PAUSE = PausePolicy.steady(0.1)

log = logging.getLogger("rtpipe.verify")


class TopicMessage(NamedTuple):
    """A message as `rtpipe verify` needs it."""

    partition: int
    offset: int
    value: bytes | None
    key: bytes | None

    @property
    def position(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.partition, self.offset


class MessagesGoneError(RtpipeError):
    """Messages were deleted from the topic while it was read."""

    name = "E_OFFSET_GONE"
    exit_code = ExitCode.OFFSET_GONE


class TopicReader:
    """A consumer that is assigned what it reads and leaves no trace in Kafka."""

    def __init__(self, kafka: Mapping[str, str], *, timeout: float, name: str = "verify", file: str = "") -> None:
        """`name` tells the reader from others in the logs of the brokers. `file`: where some of `kafka` came from, to
        be read again.
        """
        self._address = kafka.get("bootstrap.servers", "")
        self._timeout = timeout
        self._name = name
        self._errors = BrokerErrors()
        self._renewal = KafkaRenewal(kafka, file)
        self._assigned: dict[int, TopicPartition] = {}  #: each with the offset where it began
        self._consumer = self._made(self._renewal.properties)

    def _made(self, kafka: Mapping[str, str]) -> Consumer:
        told: Any = {"error_cb": self._errors}
        with checked_properties():
            return Consumer({**one_off_reader(kafka, self._name), **FAST_READER, **told}, logger=log)

    def _current(self) -> Consumer:
        """The client, with the login of now; another one for other certificates, once it can be made of them."""
        new = self._renewal.wanted(self._consumer)
        if new is not None:
            with contextlib.suppress(SettingsError):
                made = self._made(new)
                read_on(self._consumer, made, list(self._assigned.values()))
                self._consumer = made
                self._renewal.taken(new)
        return self._consumer

    def _assign(self, topic: str, starts: Mapping[int, int]) -> None:
        self._assigned = {partition: TopicPartition(topic, partition, offset) for partition, offset in starts.items()}
        self._consumer.assign(list(self._assigned.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def watermarks(self, topic: str, only: int | None = None) -> dict[int, tuple[int, int]]:
        """{partition: (first offset, last stable offset)}; SetupError if there is no such topic.

        `only` one partition: others may have no leader that could answer. It is left out if the topic has none such.
        """
        try:
            known = self._current().list_topics(timeout=self._timeout).topics
            if topic not in known:
                raise SetupError(f"topic {topic} does not exist", hint="`rtpipe infra create` makes topics")
            partitions = [partition for partition in sorted(known[topic].partitions) if only in {None, partition}]
            return {partition: self._watermark(topic, partition) for partition in partitions}
        except KafkaException as exc:
            raise self._translated(error_codes.error_of(exc)) from exc

    def messages(self, topic: str, ranges: Mapping[int, tuple[int, int]]) -> Iterator[list[TopicMessage]]:
        """Batches of committed messages, first <= offset < end, for {partition: (first, end)}.

        Order is kept within a partition. MessagesGoneError if Kafka deleted some of them meanwhile.
        """
        for batch in self.whole_messages(topic, ranges):
            yield [TopicMessage(one.partition(), one.offset(), one.value(), one.key()) for one in batch]  # type: ignore[arg-type]

    def whole_messages(self, topic: str, ranges: Mapping[int, tuple[int, int]]) -> Iterator[list[Message]]:
        """The same with all that Kafka says of them."""
        open_ends = {partition: end for partition, (first, end) in ranges.items() if first < end}
        self._assign(topic, {partition: ranges[partition][0] for partition in open_ends})
        heard = time.monotonic()
        while open_ends:
            batch = self._current().consume(BATCH, WAIT_SECONDS)
            if batch:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise self._unreachable(f"no message of {topic} for {SILENCE_SECONDS:g} s, {len(open_ends)} unfinished")
            yield [message for message in batch if self._wanted(message, topic, open_ends)]
        self._assigned = {}
        self._consumer.unassign()

    def follow(self, topic: str, starts: Mapping[int, int]) -> Iterator[list[Message]]:
        """Messages from {partition: offset} on as they come, without an end; none every half second in between."""
        self._assign(topic, starts)
        while True:
            batch = self._current().consume(BATCH, FOLLOW_SECONDS)
            for message in batch:
                if (error := message.error()) is not None:
                    self._judge(error, topic)
            yield [message for message in batch if message.error() is None]

    def _wanted(self, message: Any, topic: str, open_ends: dict[int, int]) -> bool:
        """Whether it is a message below its partition's end; closes the partition that is at its end."""
        partition, offset, error = message.partition(), message.offset(), message.error()
        end = open_ends.get(partition)
        if error is not None:
            self._judge(error, topic)
        if end is None:
            return False
        if offset >= end - 1 if error is None else error.code() == error_codes.END_OF_PARTITION:
            del open_ends[partition]
            self._consumer.incremental_unassign([self._assigned.pop(partition)])
        return error is None and offset < end

    def _watermark(self, topic: str, partition: int) -> tuple[int, int]:
        """Asks again while the partition's leader changes: a broker that says so does answer."""
        deadline = Deadline.after(self._timeout)
        while True:
            try:
                found = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=self._timeout)
            except KafkaException as exc:
                if error_codes.error_of(exc).code() not in error_codes.LEADER_CHANGES or deadline.passed():
                    raise
            else:
                if found is None:
                    raise self._unreachable(f"no watermarks of {topic}/{partition} within {self._timeout:g} s")
                return found
            time.sleep(_LEADER_PAUSE.seconds())

    def _judge(self, error: KafkaError, topic: str) -> None:
        code = error.code()
        if code == error_codes.END_OF_PARTITION or error.retriable():
            return
        if code in error_codes.OFFSET_GONE:
            raise MessagesGoneError(
                f"messages of {topic} were deleted while they were read: {error.str()}",
                hint=f"run {self._name} again, or lengthen the topic's retention",
            )
        if error.fatal() or code in error_codes.DENIED | error_codes.NO_TOPIC:
            raise self._translated(error)
        log.debug("reading %s: %s", topic, error.str())

    def _translated(self, error: KafkaError) -> RtpipeError:
        if error.code() in error_codes.DENIED:
            return AccessDeniedError(
                f"Kafka at {self._address}: {error.str()}", hint="check the account's READ and DESCRIBE permissions"
            )
        return self._unreachable(error.str())

    def _unreachable(self, reason: str) -> UnreachableError | LoginRefusedError:
        self._consumer.poll(0)  # hands over why: nothing is read any more
        otherwise = UnreachableError(
            f"Kafka at {self._address} does not answer: {reason}", hint="is it running? `rtpipe infra status`"
        )
        return self._errors.cause(self._renewal.properties, otherwise)
