"""What a person does to stored offsets, beside what Kafka has: look, set one, adopt a topic that was made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rtpipe.errors import SettingsError, UnreachableError
from supervisor.admin.offsets import OffsetAdmin, StoredOffset
from supervisor.kafka.cluster_view import ClusterView, TopicFacts
from supervisor.settings.settings import Settings
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey


@dataclass(frozen=True, slots=True)
class KnownOffset:
    """One row of kafka_offsets, and the log beside it. None: the topic is gone, or the partition has no leader."""

    stored: StoredOffset
    first: int | None  #: where the log begins
    end: int | None  #: where it ends

    @property
    def lag(self) -> int | None:
        """Offsets between the stored one and the end of the log."""
        return None if self.end is None else self.end - self.stored.offset


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """Another offset for one partition."""

    found: KnownOffset
    offset: int

    @property
    def stored(self) -> StoredOffset:
        """The row as it was when a person saw it."""
        return self.found.stored

    def words(self) -> list[str]:
        """What the change would do."""
        before = self.stored.offset
        head = f"{self.stored.key}: stored {before}, log is [{self.found.first},{self.found.end})"
        if self.offset == before:
            return [head, "  nothing is skipped and nothing read again; the leader epoch is forgotten"]
        if self.offset > before:
            return [
                head,
                f"  {self.offset - before:,} offsets will be SKIPPED: their messages never reach the table",
            ]
        return [
            head,
            f"  {before - self.offset:,} offsets will be read AGAIN: rows they gave before will be there twice",
        ]


@dataclass(frozen=True, slots=True)
class Adoption:
    """A topic that was made again, or another cluster, in the place of what the stored offsets belong to."""

    stored: Sequence[StoredOffset]
    facts: TopicFacts
    cluster_id: str
    begins: Mapping[PartitionKey, int]

    def words(self) -> list[str]:
        """What the adoption would do."""
        before = self.stored[0].topic_id or "unknown"
        return [
            f"{self.facts.topic}: topic id {before} -> {self.facts.topic_id}, {len(self.stored)} partitions",
            "  each begins at the first offset of its log; rows of the old topic stay",
        ]


class OffsetWork:
    """Asks Kafka and kafka_offsets, and changes kafka_offsets. Raises as ClusterView and OffsetAdmin do."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = OffsetAdmin(settings.database_url.get_secret_value(), settings.database_seconds)
        self._cluster = ClusterView(settings.librdkafka())

    def known(self, topics: Sequence[str] = ()) -> list[KnownOffset]:
        """All rows of kafka_offsets, or those of some topics, in order."""
        return self._beside_kafka(self._admin.stored(topics))

    def change(self, key: PartitionKey, offset: int) -> OffsetChange:
        """SettingsError for a partition without a row, and for an offset that is not in the log."""
        rows = [stored for stored in self._admin.stored([key.topic]) if stored.key == key]
        if not rows:
            raise SettingsError(f"kafka_offsets has no row of {key}", hint="rtpipe offsets list shows what it has")
        [found] = self._beside_kafka(rows[:1])
        if found.first is not None and found.end is not None and not found.first <= offset <= found.end:
            raise SettingsError(
                f"{key}: offset {offset} is not in the log [{found.first},{found.end}]", hint="choose one in it"
            )
        return OffsetChange(found, offset)

    def set(self, change: OffsetChange) -> None:
        """Do it; SetupError if a writer moved the row meanwhile."""
        self._set(change.stored, change.offset)

    def adoption(self, topic: str) -> Adoption:
        """SettingsError for a topic without rows; UnreachableError while a partition does not say where it begins."""
        stored = self._admin.stored([topic])
        if not stored:
            raise SettingsError(
                f"kafka_offsets has no row of topic {topic}", hint="rtpipe offsets list shows what it has"
            )
        facts, cluster_id = self._cluster.topics([topic])[0], self._cluster.cluster_id(topic)
        begins = self._cluster.log_begins(facts.partitions)
        for key, why in begins.silent.items():
            raise UnreachableError(
                f"where {key} begins is not known: {why}", hint="adopt the topic once all of it answers"
            )
        return Adoption(stored, facts, cluster_id, begins.known)

    def adopt(self, adoption: Adoption) -> None:
        """Do it, partition by partition; SetupError if a writer moved a row meanwhile."""
        for stored in adoption.stored:
            begins = adoption.begins.get(stored.key, 0)
            self._set(stored, begins, topic_id=adoption.facts.topic_id, cluster_id=adoption.cluster_id)

    def _set(self, stored: StoredOffset, offset: int, *, topic_id: str = "", cluster_id: str = "") -> None:
        journal = self._settings.topic(stored.key.topic).journal
        self._admin.set(stored, offset, topic_id=topic_id, cluster_id=cluster_id, journal=journal)

    def _beside_kafka(self, rows: Sequence[StoredOffset]) -> list[KnownOffset]:
        keys: list[PartitionKey] = []
        for topic in dict.fromkeys(stored.key.topic for stored in rows):
            try:
                keys += self._cluster.topics([topic])[0].partitions
            except SetupError:  # the topic is gone
                continue
        first, end = self._cluster.log_begins(keys).known, self._cluster.log_ends(keys).known
        return [KnownOffset(stored, first.get(stored.key), end.get(stored.key)) for stored in rows]
