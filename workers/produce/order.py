"""What crosses between `rtpipe produce` and its processes: orders down, tallies up; all frozen and plain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from avro_schemas.registry.subject_names import SubjectNames
from rtpipe.errors import ExitCode, RtpipeError, SettingsError, UnreachableError

LANES = 16  #: at most, for each topic: shares of its keys, each with values and an order of its own
MAX_THREADS = 64

_OUT_OF_REACH = frozenset({"_MSG_TIMED_OUT", "_TIMED_OUT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE"})


class DeliveryError(RtpipeError):
    """Kafka refused messages."""

    name = "E_DELIVERY"
    exit_code = ExitCode.FAILED


class ProducerDiedError(RtpipeError):
    """A producer process ended without its last tally."""

    name = "E_PRODUCER_DIED"
    exit_code = ExitCode.FAILED


class ForcedStopError(RtpipeError):
    """A second signal cut the clean stop short; messages under way may or may not have arrived."""

    name = "E_FORCED"
    exit_code = ExitCode.FORCED


@dataclass(frozen=True, slots=True, kw_only=True)
class ProduceOrder:
    """What to send. `count` is messages for each topic, `rate` messages a second over all topics together.

    kafka: librdkafka properties with bootstrap.servers; kafka_file: where some of them are read again. schemas: Avro
    records as in schema_avro.json, matched to topics by their name; a topic without one takes the registry's latest of
    its subject. key: a field's name, None for each schema's first. threads: processes that share the work. With a seed
    the messages are the same in every run, however many threads there are (times then count from a fixed instant). At
    least one of count and duration (seconds) is given; with both, the one reached first ends it.
    """

    kafka: Mapping[str, str] = field(repr=False)
    registry_url: str = field(repr=False)
    topics: tuple[str, ...]
    kafka_file: str = ""
    schemas: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    count: int | None = None
    duration: float | None = None
    rate: float | None = None
    threads: int = 2
    seed: int | None = None
    key: str | None = None
    subjects: Mapping[str, SubjectNames] = field(default_factory=dict)  #: of topics that have not the usual ones
    registry_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 8.0  #: seconds for the first answer of the broker
    delivery_timeout: float = 120.0  #: seconds a message may wait for its acknowledgement
    flush_timeout: float = 15.0  #: seconds for what is under way at the end or at a signal

    def __post_init__(self) -> None:
        for wrong, hint in self._mistakes():
            raise SettingsError(wrong, hint=hint)

    def _mistakes(self) -> list[tuple[str, str]]:
        """(message, hint) for each setting that cannot work."""
        checks = [
            (not self.topics, "no topic to produce to", "name one or more: --topics dataset1,dataset2"),
            (len(set(self.topics)) < len(self.topics), "a topic is named twice in --topics", "name each topic once"),
            ("bootstrap.servers" not in self.kafka, "no Kafka address", "set RTPIPE_BOOTSTRAP_SERVERS=host:port"),
            (
                self.count is None and self.duration is None,
                "neither --count nor --duration is given, so producing would never end",
                "--count N sends N messages to each topic, --duration S sends for S seconds",
            ),
            (self.count is not None and self.count < 1, f"--count is {self.count}", "give a number of 1 or more"),
            (
                self.duration is not None and not 0 < self.duration < math.inf,
                f"--duration is {self.duration:g}" if self.duration is not None else "",
                "give a number of seconds above 0",
            ),
            (
                self.rate is not None and not 0 < self.rate < math.inf,
                f"--rate is {self.rate:g}" if self.rate is not None else "",
                "give messages a second, above 0, or leave --rate out to send as fast as it goes",
            ),
            (
                not 1 <= self.threads <= MAX_THREADS,
                f"--threads is {self.threads}",
                f"give a number from 1 to {MAX_THREADS}; about one for each core is quickest",
            ),
        ]
        return [(message, hint) for wrong, message, hint in checks if wrong]


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic as its producers see it; `lanes` is into how many shares its keys go."""

    topic: str
    schema: Mapping[str, Any]
    schema_id: int
    key_field: str
    lanes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessOrder:
    """One process's share: its lanes as (topic, lane), and its part of the rate."""

    kafka: Mapping[str, str] = field(repr=False)
    topics: Mapping[str, TopicPlan] = field(repr=False)
    lanes: tuple[tuple[str, int], ...]
    count: int | None
    duration: float | None
    rate: float | None
    first: float  #: fill of the token bucket at the start, in messages
    seed: int | None
    flush_timeout: float
    kafka_file: str = ""  #: where some of `kafka` came from, to be read again


@dataclass(frozen=True, slots=True)
class Tally:
    """A process's count so far; `last` is set in the one after which it sends no more."""

    sent: int
    failed: int
    size: int
    error: tuple[str, str] | None = None  #: the first delivery error: librdkafka's name for it, its text
    last: bool = False


@dataclass(frozen=True, slots=True)
class ProduceProgress:
    """For a progress bar: acknowledged and failed messages, the total (None: until the duration ends), seconds gone."""

    sent: int
    failed: int
    total: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class ProduceResult:
    """What arrived. sent: acknowledged by Kafka; failed: given up; size: bytes of keys and values handed over.

    seconds runs from the first process ready to send to the last acknowledgement. last_offsets[topic][partition] is
    the last offset of a partition that has grown meanwhile, read at the end. `stopped`: a signal ended it early.
    """

    sent: int
    failed: int
    seconds: float
    size: int
    last_offsets: Mapping[str, Mapping[int, int]]
    stopped: bool = False
    error: tuple[str, str] | None = None

    @property
    def rate(self) -> float:
        """Acknowledged messages a second."""
        return self.sent / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """Stable keys, for --json."""
        return {
            "schema_version": 1,
            "sent": self.sent,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "messages_per_second": round(self.rate, 1),
            "bytes": self.size,
            "stopped": self.stopped,
            "error": self.error[1] if self.error else None,
            "last_offsets": {
                topic: {str(partition): offset for partition, offset in sorted(offsets.items())}
                for topic, offsets in sorted(self.last_offsets.items())
            },
        }

    def raise_for_failures(self) -> None:
        """UnreachableError or DeliveryError if a message was not delivered."""
        if not self.failed:
            return
        code, text = self.error or ("", "no reason given")
        message = f"{self.failed} of {self.failed + self.sent} messages were not delivered; the first: {text}"
        if code in _OUT_OF_REACH:
            raise UnreachableError(message, hint="look whether the broker runs, then produce what is missing")
        raise DeliveryError(message, hint=f"Kafka's error is {code}; count what arrived in the topics")
