"""Counters of what the status has as a fact of the moment, or as a list that forgets: counted look by look."""

from __future__ import annotations

from collections import Counter

from supervisor.status.facts.pipeline_status import PipelineStatus


class Seen:
    """Begins at zero with the page's process, as a counter may."""

    def __init__(self) -> None:
        self.paused: Counter[str] = Counter()  #: seconds without reading, by partition; as exact as a look is often
        self.changes: Counter[tuple[str, str]] = Counter()  #: by topic, and `done` or `pending`
        self._known: set[tuple[str, str, str]] = set()

    def look(self, status: PipelineStatus, seconds: float) -> None:
        """`seconds` since the look before. What is not served any more is forgotten."""
        keys, topics = {p.key for p in status.partitions}, {topic.topic for topic in status.topics}
        self.paused = Counter({key: seconds for key, seconds in self.paused.items() if key in keys})
        self.changes = Counter({of: count for of, count in self.changes.items() if of[0] in topics})
        self._known = {known for known in self._known if known[0] in topics}
        for p in status.partitions:
            self.paused[p.key] += seconds if reads_nothing(p.state, backpressure=p.backpressure) else 0  # type: ignore[assignment]
        for topic in status.topics:
            for change in topic.changes:
                name = (topic.topic, change.at, change.sql or change.why_not)
                if name not in self._known:
                    self._known.add(name)
                    self.changes[topic.topic, "done" if change.done else "pending"] += 1


def reads_nothing(state: str, *, backpressure: bool | None) -> bool:
    """Whether its consumer has stopped reading: its queue is full, or somebody has paused it."""
    return bool(backpressure) or state == "paused"
