"""Kafka's own tools see how far the tables are: committed offsets are written to the consumer groups in Kafka, too.

They are never read back: the truth is in kafka_offsets. A process of its own writes them, so that nothing that goes
wrong there concerns a row: librdkafka's admin requests may abort their process while brokers are away.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from supervisor.companions.companion import Companion
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.mirror.mirrored_topic import Committed
from workers.contract.errors import Fenced, TopicChangedError
from workers.contract.partition_spec import PartitionKey

#: Seconds between two looks at what is committed.
_EVERY = 1.0
#: Errors after which a topic's offsets are those of another supervisor, or of a topic that is not there any more.
_NOT_OURS = frozenset({Fenced.name, TopicChangedError.name})


class OffsetMirror:
    """The loop says what is committed; the process writes what of it has changed."""

    def __init__(self, companion: Companion, wants: Callable[[str], bool], start: Callable[[], dict[str, Any]]) -> None:
        """`wants`: whether a topic's offsets are wanted in Kafka. `start`: what the process is told first, at each
        start; it may hold a password.
        """
        self._companion = companion
        self._wants = wants
        self._wanted = False  #: of any topic: else no process is needed
        self._start = start
        self._starts = 0
        self._told: dict[str, Committed] = {}
        self._left: list[SupervisedWorker] = []  #: served no more; their last offsets are not told yet
        self._next_look = 0.0

    def look(self, workers: Sequence[SupervisedWorker], now: float) -> None:
        """Called at each turn of the loop; watches the process, and tells it once a second what is new."""
        due = now >= self._next_look
        if due:
            self._next_look = now + _EVERY
            self._wanted = self._wanted or any(map(self._wants, {worker.spec.key.topic for worker in workers}))
        if not self._wanted:
            return
        self._companion.look(now)
        if self._companion.starts != self._starts:
            self._starts, self._told = self._companion.starts, {}
            self._companion.tell(_line(self._start()))
        if due:
            self._tell(workers)

    def leave(self, gone: Sequence[SupervisedWorker]) -> None:
        """These are served no more: their last offsets are told once."""
        self._left += gone

    def _tell(self, workers: Sequence[SupervisedWorker]) -> None:
        of_all = committed([*self._left, *workers])  # one that came back says where it is by now
        found = {topic: one for topic, one in of_all.items() if self._wants(topic)}
        if found == self._told or self._companion.tell(_line({topic: one.to_json() for topic, one in found.items()})):
            self._told, self._left = found, []

    def close(self, workers: Sequence[SupervisedWorker]) -> None:
        """Have the last offsets of a clean end written; waits for that a few seconds at most."""
        self._tell(workers)
        self._companion.stop()

    def kill(self) -> None:
        """End at once."""
        self._companion.stop(0)


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def committed(workers: Sequence[SupervisedWorker]) -> dict[str, Committed]:
    """The offsets by topic, as far as they are known and ours."""
    lost = {one.spec.key.topic for one in workers if one.standing.trouble and one.standing.trouble.name in _NOT_OURS}
    groups: dict[str, str] = {}
    offsets: defaultdict[str, dict[PartitionKey, int]] = defaultdict(dict)
    for worker in workers:
        key, offset = worker.spec.key, worker.history.offset
        if offset is not None and key.topic not in lost:
            groups[key.topic] = worker.spec.group
            offsets[key.topic][key] = offset
    return {topic: Committed(groups[topic], found) for topic, found in offsets.items()}
