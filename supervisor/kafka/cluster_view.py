"""What Kafka says about topics and the cluster, by the admin API; the supervisor never reads a message."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.deadline import Deadline
from rtpipe.errors import UnreachableError
from rtpipe.kafka import error_codes
from rtpipe.kafka.clients import checked_properties
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

log = get_logger("supervisor")
#: Seconds in which a topic that was made a moment ago becomes known to all brokers, and the pauses between questions.
_NEW_TOPIC, _NEW_TOPIC_PAUSES = 2.0, PausePolicy.steady(0.1)
#: Seconds within which a healthy broker answers with the metadata of a topic.
_METADATA_SECONDS = 3.0
#: In the client's error for a broker that it cannot reach: the broker that it tried, and for how long.
_BROKER_AND_TIME = re.compile(r"^\S+: (Connect to \S+ failed: )?|\s*\(after [^)]*\).*$")
#: Why a partition has no offset whose leader was asked in vain.
_TIMED_OUT = "Kafka: the partition's leader does not answer"


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic as the cluster describes it."""

    topic: str
    topic_id: str
    partitions: tuple[PartitionKey, ...]


@dataclass(frozen=True, slots=True)
class Offsets:
    """What the leaders of some partitions said: an offset each, or why there is none."""

    known: Mapping[PartitionKey, int]
    silent: Mapping[PartitionKey, str]


class ClusterView:
    """Questions to one cluster.

    Each raises UnreachableError after `timeout` seconds without an answer, LoginRefusedError if no broker lets us in,
    and AccessDeniedError if the account may not ask. Making one raises SettingsError for properties that are none.
    """

    def __init__(self, kafka: Mapping[str, str], timeout: float = 10.0) -> None:
        self._address = kafka["bootstrap.servers"]
        self._timeout = timeout
        self._last_error = ""
        self._login_refused = False
        quiet = {"socket.timeout.ms": str(int(timeout * 1000)), "log_level": "0", "allow.auto.create.topics": "false"}
        properties: dict[str, Any] = {**quiet, **kafka, "error_cb": self._on_error}
        with checked_properties():
            self._admin = AdminClient(properties, logger=log)

    def _on_error(self, error: KafkaError) -> None:
        """Called by `poll` with what the client could not do; its answers only say that time ran out."""
        if error.code() != error_codes.ALL_BROKERS_DOWN:
            self._last_error = _BROKER_AND_TIME.sub("", error.str())
            self._login_refused = error.code() in error_codes.LOGIN_REFUSED

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
            time.sleep(_NEW_TOPIC_PAUSES.seconds())

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

    def log_begins(self, keys: Sequence[PartitionKey]) -> Offsets:
        """Where each partition's log begins."""
        return self._offsets(keys, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def log_ends(self, keys: Sequence[PartitionKey]) -> Offsets:
        """Where each partition's committed part of the log ends."""
        return self._offsets(keys, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def _offsets(self, keys: Sequence[PartitionKey], which: OffsetSpec) -> Offsets:
        """A partition without a leader, or with one that is silent, has no offset and keeps no other from having one.

        Raises UnreachableError if no broker answers, LoginRefusedError, AccessDeniedError.
        """
        topics = {key.topic for key in keys}
        try:
            found = self._ask(keys, which)
        except (UnreachableError, LoginRefusedError):
            # The client asks one broker for the leaders. Another is asked before the same is said of all of them.
            if not self._refresh(topics):
                raise
            found = self._ask_once_more(keys, which)
        else:
            if found.silent and not self._refresh({key.topic for key in found.silent}) and not found.known:
                raise self._no_answer("no answer")
        if again := [key for key, why in found.silent.items() if why != _TIMED_OUT]:
            second = self._ask(again, which)
            late = {key: why for key, why in found.silent.items() if key not in again}
            found = Offsets({**found.known, **second.known}, {**late, **second.silent})
        self._admin.poll(0)
        self._last_error, self._login_refused = "", False
        return found

    def _ask_once_more(self, keys: Sequence[PartitionKey], which: OffsetSpec) -> Offsets:
        try:
            return self._ask(keys, which)
        except (UnreachableError, LoginRefusedError):
            return Offsets({}, dict.fromkeys(keys, _TIMED_OUT))

    def _refresh(self, topics: Iterable[str]) -> bool:
        """Forget what the client remembers of leaders and numbers of partitions; False if no broker answers.

        Asked twice: the client may choose a broker that is silent, of which it learns only by that.
        """
        return all(self._metadata(topic) or self._metadata(topic) for topic in topics)

    def _metadata(self, topic: str) -> bool:
        try:
            self._admin.list_topics(topic, timeout=min(self._timeout, _METADATA_SECONDS))
        except KafkaException:
            return False
        return True

    def _ask(self, keys: Sequence[PartitionKey], which: OffsetSpec) -> Offsets:
        if not keys:
            return Offsets({}, {})
        futures = self._admin.list_offsets(
            {TopicPartition(key.topic, key.partition): which for key in keys},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._timeout,
        )
        known: dict[PartitionKey, int] = {}
        silent: dict[PartitionKey, str] = {}
        for where, future in futures.items():
            key = PartitionKey(where.topic, where.partition)
            try:
                known[key] = int(future.result(self._timeout + 5).offset)
            except KafkaException as exc:
                silent[key] = self._silence(exc)
            except TimeoutError as exc:
                raise self._no_answer("no answer") from exc
            if known.get(key) == OFFSET_INVALID:
                del known[key]
                silent[key] = _TIMED_OUT
        return Offsets(known, silent)

    def _silence(self, failure: KafkaException) -> str:
        """Why one partition has no offset; what concerns all of them is raised."""
        error = error_codes.error_of(failure)
        if error.code() in error_codes.DENIED | error_codes.UNREACHABLE:
            raise self._translated(failure) from failure
        return f"Kafka: {'the partition has no leader' if error.code() in error_codes.NO_LEADER else error.str()}"

    def _answer(self, future: Any) -> Any:
        try:
            return future.result(self._timeout + 5)
        except KafkaException as exc:
            raise self._translated(exc) from exc
        except TimeoutError as exc:
            raise self._no_answer("no answer") from exc

    def _translated(self, failure: KafkaException) -> SetupError | AccessDeniedError | UnreachableError:
        error = error_codes.error_of(failure)
        if error.code() in error_codes.NO_TOPIC:
            return SetupError(f"Kafka at {self._address}: {error.str()}")
        if error.code() in error_codes.DENIED:
            return AccessDeniedError(
                f"Kafka at {self._address}: {error.str()}", hint="check the account and its DESCRIBE permission"
            )
        return self._no_answer(error.str())

    def _no_answer(self, why: str) -> UnreachableError | LoginRefusedError:
        """The error for a question that timed out; the reason is in the client's last error."""
        self._admin.poll(0)
        if self._login_refused:
            return LoginRefusedError(
                f"Kafka at {self._address} refuses the login ({self._last_error})",
                hint="check sasl.username and sasl.password in the setting kafka",
            )
        return UnreachableError(
            f"no broker of Kafka answers at {self._address} ({self._last_error or why})",
            hint="check RTPIPE_BOOTSTRAP_SERVERS and that the brokers are up",
        )
