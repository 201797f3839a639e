"""Where partitions' logs begin and end, as their leaders say; a leader that is away is asked for again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import OFFSET_INVALID, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import UnreachableError
from rtpipe.kafka import error_codes
from supervisor.kafka.admin_link import AdminLink
from workers.contract.partition_spec import PartitionKey

#: Seconds within which a healthy broker answers with the metadata of a topic.
_METADATA_SECONDS = 3.0
#: Why a partition has no offset whose leader was asked in vain.
_TIMED_OUT = "Kafka: the partition's leader does not answer"


@dataclass(frozen=True, slots=True)
class Offsets:
    """What the leaders of some partitions said: an offset each, or why there is none."""

    known: Mapping[PartitionKey, int]
    silent: Mapping[PartitionKey, str]


class LogOffsets:
    """A partition without a leader, or with one that is silent, has no offset and keeps no other from having one.

    Raises UnreachableError if no broker answers, LoginRefusedError, AccessDeniedError.
    """

    def __init__(self, link: AdminLink) -> None:
        self._link = link

    def begins(self, keys: Sequence[PartitionKey]) -> Offsets:
        """Where each partition's log begins."""
        return self._find(keys, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def ends(self, keys: Sequence[PartitionKey]) -> Offsets:
        """Where each partition's committed part of the log ends."""
        return self._find(keys, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def _find(self, keys: Sequence[PartitionKey], which: OffsetSpec) -> Offsets:
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
                raise self._link.no_answer("no answer")
        if again := [key for key, why in found.silent.items() if why != _TIMED_OUT]:
            second = self._ask(again, which)
            late = {key: why for key, why in found.silent.items() if key not in again}
            found = Offsets({**found.known, **second.known}, {**late, **second.silent})
        self._link.forget_errors()
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
            self._link.client.list_topics(topic, timeout=min(self._link.timeout, _METADATA_SECONDS))
        except KafkaException:
            return False
        return True

    def _ask(self, keys: Sequence[PartitionKey], which: OffsetSpec) -> Offsets:
        if not keys:
            return Offsets({}, {})
        futures = self._link.client.list_offsets(
            {TopicPartition(key.topic, key.partition): which for key in keys},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._link.timeout,
        )
        known: dict[PartitionKey, int] = {}
        silent: dict[PartitionKey, str] = {}
        for where, future in futures.items():
            key = PartitionKey(where.topic, where.partition)
            try:
                known[key] = int(self._link.result(future).offset)
            except KafkaException as exc:
                silent[key] = self._silence(exc)
            if known.get(key) == OFFSET_INVALID:
                del known[key]
                silent[key] = _TIMED_OUT
        return Offsets(known, silent)

    def _silence(self, failure: KafkaException) -> str:
        """Why one partition has no offset; what concerns all of them is raised."""
        error = error_codes.error_of(failure)
        if error.code() in error_codes.DENIED | error_codes.UNREACHABLE:
            raise self._link.translated(failure) from failure
        return f"Kafka: {'the partition has no leader' if error.code() in error_codes.NO_LEADER else error.str()}"
