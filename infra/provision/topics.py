"""Topics in the Kafka cluster: what is there, and what is made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from avro_schemas.naming import collision_key
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import ExitCode, RtpipeError, SettingsError, UnreachableError
from rtpipe.kafka import error_codes
from rtpipe.kafka.broker_errors import BrokerErrors
from rtpipe.kafka.clients import checked_properties

log = logging.getLogger("rtpipe.infra.create")

#: Seconds to wait for the cluster's answer.
ANSWER_SECONDS = 5
#: How many copies of a topic there are unless asked for: so many, or as many as there are brokers.
USUAL_COPIES = 3
#: librdkafka's own log lines stay off the terminal; its errors arrive as exceptions.
_QUIET: Mapping[str, str] = {"client.id": "rtpipe-infra", "log_level": "0"}


class TopicSetupError(RtpipeError):
    """Kafka refuses to make a topic."""

    name = "E_TOPIC_SETUP"
    exit_code = ExitCode.BAD_SETUP


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as it is."""

    partitions: int
    copies: int  #: the replication factor, of the partition that has fewest copies


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the cluster told of itself."""

    brokers: int
    topics: Mapping[str, FoundTopic]

    def neighbour(self, topic: str) -> str | None:
        """Another topic, there already, whose name Kafka or a table could not tell from this one's."""
        key = collision_key(topic)
        return next((name for name in self.topics if name != topic and collision_key(name) == key), None)


class TopicAdmin:
    """Makes topics; `kafka` are librdkafka properties with at least `bootstrap.servers`."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self.address = kafka.get("bootstrap.servers", "")
        self._kafka = kafka
        self._errors = BrokerErrors()
        settings: dict[str, Any] = {**_QUIET, **kafka, "error_cb": self._errors}
        with checked_properties():
            self._admin = AdminClient(settings)

    def describe(self) -> Cluster:
        """Brokers and topics. UnreachableError or AccessDeniedError within some five seconds."""
        try:
            found = self._admin.list_topics(timeout=ANSWER_SECONDS)
        except KafkaException as error:
            self._admin.poll(0)  # hands over why: the exception itself says only that time is over
            raise self._translated(error.args[0], "asking for its topics") from error
        return Cluster(
            len(found.brokers),
            {
                name: FoundTopic(
                    len(topic.partitions), min((len(part.replicas) for part in topic.partitions.values()), default=0)
                )
                for name, topic in found.topics.items()
            },
        )

    def create(self, names: Sequence[str], *, partitions: int, copies: int) -> None:
        """Makes the topics and returns when all brokers know them; one that is there by now is no error."""
        if not names:
            return
        wanted = [NewTopic(name, num_partitions=partitions, replication_factor=copies) for name in names]
        futures: dict[str, Future[None]] = self._admin.create_topics(
            wanted, operation_timeout=ANSWER_SECONDS, request_timeout=ANSWER_SECONDS
        )
        for name, future in futures.items():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise self._translated(error.args[0], f"making the topic {name}") from error
                log.info("topic %s was made by somebody else meanwhile", name)

    def _translated(self, error: KafkaError, doing: str) -> RtpipeError:
        if error.code() in error_codes.DENIED:
            return AccessDeniedError(
                f"Kafka at {self.address} refused access: {error.str()} ({doing})",
                hint="check the security properties and what the account may do",
            )
        if error.code() in error_codes.UNREACHABLE:
            otherwise = UnreachableError(
                f"no Kafka broker answers at {self.address}: {self._errors.last or error.str()} ({doing})",
                hint="start it, or correct RTPIPE_BOOTSTRAP_SERVERS",
            )
            return self._errors.cause(self._kafka, otherwise)
        return TopicSetupError(f"Kafka at {self.address}: {error.str()} ({doing})")


def copies_for(brokers: int, wanted: int | None) -> int:
    """The replication factor for new topics; SettingsError if there are fewer brokers than copies asked for."""
    if wanted is None:
        return min(USUAL_COPIES, brokers)
    if wanted > brokers:
        raise SettingsError(
            f"replication factor {wanted} needs as many brokers, the cluster has {brokers}",
            hint=f"--replication-factor {brokers} at most, or leave it out",
        )
    return wanted
