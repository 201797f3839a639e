"""Asks Kafka at intervals whether topics have changed: made again, deleted, with more partitions, on another cluster.

A consumer does not notice all of it: its fetches may stall without an error. What it does notice is in
workers/intake/topic_consumer.py, what a claim notices in workers/commit/offsets/partition_claim.py;
supervisor/run/kafka_changes.py halts the partitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import UnreachableError
from supervisor.background_question import BackgroundQuestion
from supervisor.kafka.cluster_view import ClusterView, TopicFacts
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey, PartitionSpec

#: Seconds that a topic may be missing: it is, for a moment, while it is made again.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class _Look:
    """What the cluster said: its own id, and what it knows of each topic that it has."""

    cluster_id: str
    topics: dict[str, TopicFacts]


@dataclass(frozen=True, slots=True)
class TopicChanges:
    """What is not as it was."""

    gone: Mapping[str, str] = field(default_factory=dict)  #: topics that are others now, with the reason
    added: Sequence[PartitionKey] = ()  #: partitions that topics have got


_NONE = TopicChanges()


class TopicWatch:
    """Compares topic ids, partitions and the cluster id every `every` seconds; never waits for the cluster."""

    def __init__(self, view: ClusterView, every: float) -> None:
        self._view = view
        self._topic_ids: dict[str, str] = {}
        self._partitions: set[PartitionKey] = set()
        self._cluster_id = ""
        self._looks: BackgroundQuestion[_Look] = BackgroundQuestion("topic-watch", every)
        self._missing_since: dict[str, float] = {}

    def add(self, spec: PartitionSpec) -> None:
        """Watch a partition and its topic, too; they are as the spec says."""
        self._partitions.add(spec.key)
        self._topic_ids.setdefault(spec.key.topic, spec.topic_id)
        self._cluster_id = self._cluster_id or spec.cluster_id

    def forget(self, topic: str) -> None:
        """Watch a topic no more."""
        self._topic_ids.pop(topic, None)
        self._missing_since.pop(topic, None)
        self._partitions = {key for key in self._partitions if key.topic != topic}

    def next_look(self) -> float:
        """When `changes` has something to do again, in monotonic seconds."""
        return self._looks.next_look

    def changes(self, now: float) -> TopicChanges:
        """What changed since the last call; a broker that does not answer is no change."""
        topics = tuple(self._topic_ids)
        answered = self._looks.take(now, lambda: self._look(topics))
        return self._judge(answered, now) if answered else _NONE

    def _look(self, topics: Sequence[str]) -> _Look:
        if not topics:
            return _Look("", {})
        facts, _ = self._view.describe(topics)
        return _Look(self._view.cluster_id(topics[0]), {fact.topic: fact for fact in facts})

    def _judge(self, asked: Future[_Look], now: float) -> TopicChanges:
        try:
            look = asked.result()
        except (UnreachableError, AccessDeniedError, SetupError):  # the last: deleted between the two questions
            return _NONE
        if _differ(self._cluster_id, look.cluster_id):
            return TopicChanges(self._moved_to(look))
        self._cluster_id = look.cluster_id or self._cluster_id
        gone: dict[str, str] = {}
        added: list[PartitionKey] = []
        for topic, known in self._topic_ids.items():
            facts = look.topics.get(topic)
            if facts is None:
                if now - self._missing_since.setdefault(topic, now) > _PATIENCE:
                    gone[topic] = "the topic was deleted"
                continue
            self._missing_since.pop(topic, None)
            self._topic_ids[topic] = facts.topic_id or known
            if _differ(known, facts.topic_id):
                gone[topic] = f"topic id changed {known} -> {facts.topic_id}"
            else:
                added += [key for key in facts.partitions if key not in self._partitions]
        self._partitions.update(added)
        return TopicChanges(gone, tuple(added))

    def _moved_to(self, look: _Look) -> dict[str, str]:
        """All topics with the reason; told once, since what a person adopts and resumes belongs to the new cluster."""
        why = f"cluster id changed {self._cluster_id} -> {look.cluster_id}"
        self._cluster_id = look.cluster_id
        self._topic_ids |= {topic: facts.topic_id for topic, facts in look.topics.items() if topic in self._topic_ids}
        return dict.fromkeys(self._topic_ids, why)

    @property
    def cluster_id(self) -> str:
        """The cluster's id as last seen."""
        return self._cluster_id

    def topic_id(self, topic: str) -> str:
        """The topic's id as last seen."""
        return self._topic_ids[topic]


def _differ(before: str, now: str) -> bool:
    """Whether it is another one; an id that is not known, before or now, is no difference."""
    return bool(before and now) and before != now
