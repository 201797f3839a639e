"""librdkafka for one assigned partition: where to start, what it fetched, and what its errors mean."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message, TopicPartition

from rtpipe.credentials import AccessDeniedError
from rtpipe.kafka import error_codes
from rtpipe.log import get_logger
from workers.contract.errors import (
    DataError,
    OffsetGoneError,
    SetupError,
    TopicChangedError,
    TruncatedError,
    WorkerError,
)
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Position
from workers.intake.partition_client import PartitionClient
from workers.intake.rest_watch import RestWatch

log = get_logger("consumer")

#: How librdkafka tells of a log that was cut before the offset and may have grown again since.
_TRUNCATED = re.compile(r"broker end offset is (-?\d+) \(offset leader epoch (-?\d+)\)")
#: A topic may be unknown for a moment while a broker restarts.
_NO_TOPIC_PATIENCE = 60.0
#: Messages that one poll takes: of more, each costs half as much again, since they do not fit the processor's cache.
_AT_ONCE = 2_000


class TopicConsumer:
    """Messages of one partition from `position` on, by assign: no group, no rebalance, no wait."""

    def __init__(self, spec: PartitionSpec, position: Position, ring: Callable[[], None] = lambda: None) -> None:
        """`ring` is called from another thread at the end of each `rest`."""
        self._spec = spec
        self._watch = RestWatch(ring)
        self.end_offset = -1  #: end of the log as last seen
        self.stored = position.offset  #: next to consume by kafka_offsets, for words only
        self._no_topic_since: float | None = None  #: since then every poll that said anything said so
        self._client = PartitionClient(spec, position)

    def poll(self, most: int, timeout: float) -> tuple[Sequence[Message], int | None]:
        """Up to `most` messages, and some thousands: waits `timeout` seconds for the first, takes others that are here.

        And the offset of the last end-of-partition event among them, which transaction markers may have moved on, or
        None. Raises TopicChangedError before the first message of a topic that has only the name of ours.
        """
        consumer, most = self._client.current(), min(most, _AT_ONCE)
        polled = [*self._watch.take()] or (consumer.consume(1, timeout) if timeout else [])
        if (polled or not timeout) and len(polled) < most:
            polled += consumer.consume(most - len(polled), 0)
        self._check_topic_id()
        messages = [message for message in polled if message.error() is None]
        if messages:
            self._no_topic_since = None
        if len(messages) == len(polled):
            return messages, None
        ends = [message.offset() for message in polled if self._is_end(message)]
        return messages, max((end for end in ends if end is not None), default=None)

    @property
    def rests(self) -> bool:
        """Nothing has come since `rest`: `poll` must wait for its end."""
        return self._watch.waits

    def rest(self, seconds: float) -> None:
        """Wait for the next message in another thread, so many seconds at most; `poll` gives it afterwards."""
        self._watch.begin(partial(self._client.current().consume, 1, seconds))

    def _check_topic_id(self) -> None:
        found = self._client.topic_id
        if found not in {None, self._spec.topic_id}:
            raise TopicChangedError(
                f"{self._spec.key}: topic id changed {self._spec.topic_id} -> {found}",
                hint=f"rtpipe adopt {self._spec.key.topic} takes the new one from its beginning",
            )

    def _is_end(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() == error_codes.END_OF_PARTITION:
            self._no_topic_since = None
            offset = message.offset()
            self.end_offset = self.end_offset if offset is None else offset
            return True
        self._judge(error)
        return False

    def _judge(self, error: KafkaError) -> None:
        """Raise what stops the partition; return for what librdkafka mends by itself."""
        key, code = self._spec.key, error.code()
        if code in error_codes.OFFSET_GONE:
            raise self._gone(error.str())
        if code in error_codes.DENIED - error_codes.LOGIN_REFUSED:
            raise AccessDeniedError(
                f"{key}: Kafka: {error.str()}", hint="check the account's READ and DESCRIBE permissions"
            )
        if code == error_codes.BAD_MESSAGE:
            raise DataError(f"{key}: Kafka: {error.str()}", hint="the broker's log segment may be damaged")
        if code in error_codes.NO_TOPIC:
            self._no_topic_since = self._no_topic_since or time.monotonic()
            if time.monotonic() - self._no_topic_since > _NO_TOPIC_PATIENCE:
                raise SetupError(f"{key}: Kafka has no such partition", hint="was the topic deleted?")
        elif error.fatal():
            raise WorkerError(f"{key}: Kafka: {error.str()}")
        # Of a broker that cannot be reached, or lets nobody in, the supervisor tells once for all partitions.
        level = logging.DEBUG if code in error_codes.UNREACHABLE | error_codes.LOGIN_REFUSED else logging.INFO
        log.log(level, "%s", error.str(), extra={"event": "kafka_trouble", "partition": str(key)})

    def _gone(self, said: str) -> OffsetGoneError:
        """What became of the stored offset: by what librdkafka `said` of the leader epochs, or by the log as it is."""
        key = self._spec.key
        hint = f"decide where to continue: rtpipe offsets set {key} OFFSET, then rtpipe resume {key}"
        if cut := _TRUNCATED.search(said):
            end, epoch = cut.groups()
            text = f"{key}: stored {self.stored}, log ends at {end} (leader epoch {epoch})"
            return TruncatedError(text, hint=f"messages from {end} on are others than those that were read; {hint}")
        try:
            low, high = self._client.current().get_watermark_offsets(
                TopicPartition(key.topic, key.partition), timeout=5
            )
        except KafkaException:
            return OffsetGoneError(f"{key}: stored {self.stored} is not in the log", hint=hint)
        if self.stored > high:
            return TruncatedError(f"{key}: stored {self.stored}, log ends at {high}", hint=hint)
        gone = max(0, low - self.stored)
        return OffsetGoneError(f"{key}: stored {self.stored}, log is [{low},{high}): {gone} records gone", hint=hint)

    def refreshed_end(self) -> int:
        """`end_offset`, after taking what librdkafka has cached of the log's end, but at rest; asks no broker."""
        if self.rests:
            return self.end_offset
        where = TopicPartition(self._spec.key.topic, self._spec.key.partition)
        _, high = self._client.current().get_watermark_offsets(where, cached=True)
        if high not in {OFFSET_INVALID, -1}:
            self.end_offset = max(self.end_offset, high)
        return self.end_offset

    def close(self) -> None:
        """Leave; nothing is committed to Kafka. At rest the client is left as it is: the process ends, and with it."""
        if not self.rests:
            self._client.close()
