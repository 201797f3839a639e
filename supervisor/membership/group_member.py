"""A consumer that is a member of the group and reads no message: it holds its partitions paused, for others to read."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from rtpipe.deadline import Deadline
from rtpipe.kafka import error_codes
from rtpipe.kafka.clients import checked_properties
from rtpipe.kafka.renewal import KafkaRenewal
from supervisor.membership.group_session import heartbeat_ms
from supervisor.membership.member_words import MemberStart, Said, Word
from supervisor.membership.orders import Orders
from workers.contract.partition_spec import PartitionKey

#: Seconds between two looks at what the supervisor tells.
_TURN = 0.2
#: Of a session: between two questions to the coordinator, and how long an answer may take.
_CONTACT_SHARE, _SHORTEST, _LONGEST = 1 / 12, 0.5, 3.0
#: Seconds beyond those that the supervisor takes at most to give up a partition.
_GRACE = 10.0
#: What the brokers' newer protocol does not take from a client.
_CLASSIC_ONLY = ("session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy", "group.protocol.type")
_ANY_OFFSET = 0  # nothing is read: it only saves the question for a stored one


class Fate(enum.Enum):
    """Why a member is none any more; the value is the broker's error, which the client gives as text alone."""

    ASKED = None
    UNSUPPORTED = error_codes.PROTOCOL_UNSUPPORTED  #: the brokers do not have the protocol
    UNRELEASED = error_codes.INSTANCE_NOT_FREE  #: the instance id is one of a member that may be alive
    FENCED = error_codes.INSTANCE_TAKEN  #: somebody else joined by our instance id
    OTHER = -1
    RENEWED = -2  #: certificates in files have changed, which only a new client reads


def fate_of(error: KafkaError) -> Fate:
    """What a fatal error means."""
    words = error.str()
    known = [fate for fate in Fate if fate.value is not None and fate.value >= 0]
    return next((fate for fate in known if KafkaError(fate.value).str() in words), Fate.OTHER)


class GroupMember:
    """One membership, from joining to its end."""

    def __init__(self, start: MemberStart, session: float, orders: Orders, say: Callable[[Said], None]) -> None:
        """`session`: seconds until the brokers give up a silent member. SettingsError for properties that are wrong."""
        self._start = start
        self._every = min(_LONGEST, max(_SHORTEST, session * _CONTACT_SHARE))
        self._orders = orders
        self._say = say
        self._subscribed: tuple[str, ...] = ()
        self._held: set[PartitionKey] = set()
        self._closing = False
        self._next_contact = 0.0
        self.silent_at = 0.0  #: when the coordinator did not answer last, in monotonic seconds
        self._last_trouble = ""

    def run(self, protocol: str) -> tuple[Fate, str]:
        """Until the supervisor is gone, or Kafka ends it, and why."""
        renewal = KafkaRenewal(self._start.kafka, self._start.kafka_file)
        with checked_properties():
            consumer = Consumer(_properties(self._start, renewal.properties, protocol))
        try:
            while not self._orders.ended:
                self._subscribe(consumer)
                if renewal.wanted(consumer) is not None:
                    return Fate.RENEWED, ""
                message = consumer.poll(_TURN)
                error = message.error() if message is not None else None
                if error is not None and error.code() == error_codes.FATAL:
                    self._lose(self._held, error.str())
                    return fate_of(error), error.str()
                if error is not None:
                    self._tell_trouble(error.str())
                self._orders.look()
                self._keep_contact(consumer)
            return Fate.ASKED, ""
        finally:
            self._closing = True  # what is held is given up with the supervisor: nobody is asked
            consumer.close()

    def _subscribe(self, consumer: Consumer) -> None:
        """To what the supervisor says by now; partitions of other topics are revoked."""
        if self._subscribed == self._orders.topics:
            return
        self._subscribed = self._orders.topics
        if self._subscribed:
            hears = {"on_assign": self._on_assign, "on_revoke": self._on_revoke, "on_lost": self._on_lost}
            consumer.subscribe(list(self._subscribed), **hears)
        else:
            consumer.unsubscribe()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        held = [TopicPartition(one.topic, one.partition, _ANY_OFFSET) for one in partitions]
        consumer.incremental_assign(held)
        consumer.pause(held)
        if held:
            self._held |= (keys := set(_keys(held)))
            self._tell(Word.ASSIGNED, keys)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Heartbeats go on meanwhile, in a thread of the client."""
        keys = set(_keys(partitions))
        if keys and not self._closing:
            self._tell(Word.REVOKED, keys)
            deadline = Deadline.after(self._start.give_up_seconds + _GRACE)
            while not keys <= self._orders.given_up and not self._orders.ended and not deadline.passed():
                self._orders.look(_TURN)
                self._keep_contact(consumer)
        self._orders.given_up -= keys
        self._held -= keys
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not self._closing:
            self._lose(_keys(partitions), "the group has not heard of this host for its session timeout")
        consumer.incremental_unassign(partitions)

    def _lose(self, keys: Iterable[PartitionKey], why: str) -> None:
        lost = set(keys)
        self._held -= lost
        if lost:
            self._tell(Word.LOST, lost, why)

    def _keep_contact(self, consumer: Consumer) -> None:
        """Ask the coordinator something: the newer protocol's client does not notice that it has no answers."""
        if time.monotonic() < self._next_contact or not self._subscribed:
            return
        try:
            consumer.committed([TopicPartition(self._subscribed[0], 0)], timeout=self._every)
        except KafkaException as exc:
            error = error_codes.error_of(exc)
            if error.code() in error_codes.DENIED:
                self._tell_trouble(error.str())
            self.silent_at = time.monotonic()
        else:
            self._tell(Word.CONTACT)
        self._next_contact = time.monotonic() + self._every

    def _tell_trouble(self, why: str) -> None:
        if why != self._last_trouble:
            self._last_trouble = why
            self._tell(Word.TROUBLE, text=why)

    def _tell(self, word: Word, keys: Iterable[PartitionKey] = (), text: str = "") -> None:
        self._say(Said(word, time.monotonic(), tuple(sorted(keys)), text))


def _properties(start: MemberStart, given: Mapping[str, str], protocol: str) -> dict[str, Any]:
    """Of the client; the session is one of the brokers in the newer protocol, and ours in the other."""
    kafka: dict[str, Any] = {name: value for name, value in given.items() if name not in _CLASSIC_ONLY}
    seconds = start.session_seconds
    if protocol == "classic":
        kafka |= {
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": seconds * 1000,
            "heartbeat.interval.ms": heartbeat_ms(seconds),
        }
    return kafka | {
        "group.id": start.group,
        "group.instance.id": start.instance_id,
        "group.protocol": protocol,
        "max.poll.interval.ms": int(1000 * max(2 * seconds, start.give_up_seconds + 3 * _GRACE)),
        "enable.auto.commit": "false",
        "allow.auto.create.topics": "false",
        "topic.metadata.refresh.interval.ms": 10_000,  # so soon a raised topic's partitions are given out
        "log_level": 0,  # what matters comes as an error
    }


def _keys(partitions: Iterable[TopicPartition]) -> list[PartitionKey]:
    return [PartitionKey(one.topic, one.partition) for one in partitions]
