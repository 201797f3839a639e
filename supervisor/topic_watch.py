"""Is each topic still the one whose offsets are stored? Asked again and again, since a fetch may stall silently."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from workers.process_log import get_logger

log = get_logger("supervisor")
#: Seconds that a topic may be missing: it is, for a moment, while it is made again.
_PATIENCE = 60.0


class TopicWatch:
    """Compares topic ids and the cluster id every `every` seconds; asks in the background, never waits."""

    def __init__(self, kafka: Mapping[str, str], topic_ids: Mapping[str, str], cluster_id: str, every: float) -> None:
        self._admin = AdminClient({"socket.timeout.ms": "10000", "log_level": "0", **kafka}, logger=log)
        self._topic_ids = dict(topic_ids)
        self._cluster_id = cluster_id
        self._every = every
        self._next = 0.0
        self._asked: dict[str, Future[Any]] = {}
        self._missing_since: dict[str, float] = {}

    def next_look(self) -> float:
        """When `changes` has something to do again, in monotonic seconds."""
        return self._next

    def changes(self, now: float) -> dict[str, str]:
        """Topics that are not what they were, with the reason; a broker that does not answer is no change."""
        if now < self._next:
            return {}
        answered = self._judge(now) if all(future.done() for future in self._asked.values()) else None
        if answered is None:
            self._next = now + 0.5
            return {}
        self._next = now + self._every
        names = list(self._topic_ids)
        self._asked = dict(self._admin.describe_topics(TopicCollection(names), request_timeout=10))
        self._asked[""] = self._admin.describe_cluster(request_timeout=10)
        return answered

    def _judge(self, now: float) -> dict[str, str]:
        found: dict[str, str] = {}
        for topic, future in self._asked.items():
            try:
                answer = future.result()
            except KafkaException as exc:
                missing = exc.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
                if missing and now - self._missing_since.setdefault(topic, now) > _PATIENCE:
                    found[topic] = "the topic was deleted"
                continue
            self._missing_since.pop(topic, None)
            if topic == "":
                if answer.cluster_id and answer.cluster_id != self._cluster_id:
                    why = f"cluster id changed {self._cluster_id} -> {answer.cluster_id}"
                    found |= dict.fromkeys(self._topic_ids, why)
            elif (new := str(answer.topic_id)) != self._topic_ids[topic]:
                found[topic] = f"topic id changed {self._topic_ids[topic]} -> {new}"
                self._topic_ids[topic] = new
        return found

    def topic_id(self, topic: str) -> str:
        """The topic's id as last seen."""
        return self._topic_ids[topic]
