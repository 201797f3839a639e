"""Kafka's own tools see how far the tables are: committed offsets are written to the consumer groups in Kafka, too.

They are never read back: the truth is in kafka_offsets. A thread writes them, so that no worker and no loop waits, and
what goes wrong here stops no row.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor.kafka.group_offsets import GroupOffsets
from supervisor.kafka.mirrored_topic import Committed, MirroredTopic
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from workers.contract.errors import Fenced, TopicChangedError
from workers.contract.partition_spec import PartitionKey

log = get_logger("supervisor")
#: Seconds between two writings.
_EVERY = 1.0
#: Seconds that the end of a run waits for the last offsets.
_LAST_SECONDS = 3.0
#: Between two looks whether one of the last offsets is to be tried again.
_LAST_PAUSES = PausePolicy.steady(0.1)
#: Errors after which a topic's offsets are those of another supervisor, or of a topic that is not there any more.
_NOT_OURS = frozenset({Fenced.name, TopicChangedError.name})


class OffsetMirror:
    """The loop says what is committed; the thread writes what of it has changed."""

    def __init__(self, groups: GroupOffsets, topics: Collection[str]) -> None:
        """`topics`: those whose offsets are wanted in Kafka."""
        self._groups = groups
        self._topics = {topic: MirroredTopic(topic) for topic in topics}
        self._committed: Mapping[str, Committed] = {}
        self._next_look = 0.0
        self._due = math.inf  #: when there is something to write although nothing was committed
        self._news, self._ends = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="offset-mirror", daemon=True)

    def open(self) -> None:
        """Begin, if there is anything to do."""
        if self._topics:
            self._thread.start()

    def look(self, workers: Sequence[SupervisedWorker], now: float) -> None:
        """Called at each turn of the loop; hands on what is committed, once a second."""
        if now < self._next_look or not self._topics:
            return
        self._next_look = now + _EVERY
        before, self._committed = self._committed, committed(workers)
        if self._committed != before or now >= self._due:
            self._news.set()

    def close(self, workers: Sequence[SupervisedWorker]) -> None:
        """Write the last offsets of a clean end; waits for that a few seconds at most."""
        self._committed = committed(workers)
        self._ends.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_SECONDS)

    def _run(self) -> None:
        try:
            while not self._ends.is_set():
                self._news.wait()
                self._news.clear()
                self._write(time.monotonic())
                self._ends.wait(_EVERY)
            self._write(time.monotonic())
            while self._still_hopes():  # as long as `close` waits
                time.sleep(_LAST_PAUSES.seconds())
                self._write(time.monotonic())
        except Exception:
            log.exception(
                "E_FAILED the thread that mirrors offsets ended; rows go on", extra={"event": "mirror_failed"}
            )

    def _still_hopes(self) -> bool:
        """Whether the last offsets of a topic may be taken at the next try."""
        return any(mirrored.hopes for topic, mirrored in self._topics.items() if topic in self._committed)

    def _write(self, now: float) -> None:
        known = self._committed
        for topic, mirrored in self._topics.items():
            if topic in known:
                mirrored.write(self._groups, known[topic], now)
        self._due = min(mirrored.due for mirrored in self._topics.values())


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
