"""Is each topic still the one whose offsets are stored? Asked again and again, since a fetch may stall silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

from avro_schemas.credentials import AccessDeniedError
from avro_schemas.errors import UnreachableError
from supervisor.cluster_view import ClusterView
from workers.errors import SetupError

#: Seconds that a topic may be missing: it is, for a moment, while it is made again.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class _Look:
    """What the cluster said: its own id, and the id of each topic that it has."""

    cluster_id: str
    topic_ids: dict[str, str]


class TopicWatch:
    """Compares topic ids and the cluster id every `every` seconds; asks in a thread, so that `changes` never waits."""

    def __init__(self, kafka: Mapping[str, str], topic_ids: Mapping[str, str], cluster_id: str, every: float) -> None:
        self._view = ClusterView(kafka)
        self._topic_ids = dict(topic_ids)
        self._cluster_id = cluster_id
        self._every = every
        self._next = 0.0
        self._asked: Future[_Look] | None = None
        self._missing_since: dict[str, float] = {}

    def next_look(self) -> float:
        """When `changes` has something to do again, in monotonic seconds."""
        return self._next

    def changes(self, now: float) -> dict[str, str]:
        """Topics that are not what they were, with the reason; a broker that does not answer is no change."""
        if now < self._next:
            return {}
        if self._asked and not self._asked.done():
            self._next = now + 0.5
            return {}
        found = self._judge(self._asked, now) if self._asked else {}
        self._asked = Future()
        Thread(target=self._look, args=(self._asked, tuple(self._topic_ids)), name="topic-watch", daemon=True).start()
        self._next = now + self._every
        return found

    def _look(self, asked: Future[_Look], topics: Sequence[str]) -> None:
        try:
            facts, _ = self._view.describe(topics)
            asked.set_result(_Look(self._view.cluster_id(topics[0]), {fact.topic: fact.topic_id for fact in facts}))
        except Exception as exc:  # raised again where the answer is read
            asked.set_exception(exc)

    def _judge(self, asked: Future[_Look], now: float) -> dict[str, str]:
        try:
            look = asked.result()
        except (UnreachableError, AccessDeniedError, SetupError):  # the last: deleted between the two questions
            return {}
        if look.cluster_id and look.cluster_id != self._cluster_id:
            return dict.fromkeys(self._topic_ids, f"cluster id changed {self._cluster_id} -> {look.cluster_id}")
        found: dict[str, str] = {}
        for topic, known in self._topic_ids.items():
            new = look.topic_ids.get(topic)
            if new is None:
                if now - self._missing_since.setdefault(topic, now) > _PATIENCE:
                    found[topic] = "the topic was deleted"
                continue
            self._missing_since.pop(topic, None)
            if new != known:
                found[topic] = f"topic id changed {known} -> {new}"
                self._topic_ids[topic] = new
        return found

    def topic_id(self, topic: str) -> str:
        """The topic's id as last seen."""
        return self._topic_ids[topic]
