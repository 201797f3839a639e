"""librdkafka's log lines, and the one thing that only they tell: that a name belongs to another topic now.

A consumer fetches by topic id (Kafka 3.1 or newer). When a topic was deleted and made again, the broker refuses the
old id, librdkafka asks for the topic's metadata, takes the new id and goes on at its old position, without a word to
its user but a debug line. That line reaches `log` before the first message that was fetched under the new id.
"""

from __future__ import annotations

import logging
import re
import time

from rtpipe.log import get_logger
from workers.contract.partition_spec import PartitionKey

log = get_logger("consumer")
#: Seconds between two lines of a kind.
_QUIET = 10.0
#: librdkafka's lines about a broker that it cannot reach, or a token that it does not get. The supervisor hears of it,
#: too, and tells it once for all.
_AWAY = frozenset({"FAIL", "ERROR", "REQTMOUT", "OIDC"})
_NEW_ID = re.compile(r"Topic (?P<topic>\S+) changed id from \S+ to (?P<id>\S+)$")


class KafkaLog:
    """What librdkafka takes for a logger: passes lines on from `level` up, and keeps the id of its topic in mind."""

    def __init__(self, key: PartitionKey, level: int) -> None:
        self._topic = key.topic
        self._extra = {"event": "kafka_trouble", "partition": str(key)}
        self._level = level
        self.topic_id: str | None = None  #: the id that librdkafka fetches by; None until it knows
        self._logged_at: dict[str, float] = {}

    def log(self, level: int, text: str, *values: object) -> None:
        """Called by librdkafka within `Consumer.consume`, in the order of the events."""
        kind = str(values[0]) if values else text
        if level >= self._level and self._is_due(kind):
            # Never as an error: what librdkafka cannot mend itself it hands to `poll`, and that is judged there.
            most = logging.DEBUG if kind in _AWAY and self._level >= logging.WARNING else logging.WARNING
            log.log(min(level, most), text, *values, extra=self._extra)
        line = str(values[-1]) if values else ""
        # Without the first question hundreds of partitions, of which each has lines of its own, cost a start its time.
        if " changed id from " in line and (found := _NEW_ID.search(line)) and found["topic"] == self._topic:
            self.topic_id = found["id"]

    def _is_due(self, kind: str) -> bool:
        """One line of a kind in ten seconds."""
        if self._level < logging.WARNING:
            return True
        now = time.monotonic()
        due = now - self._logged_at.get(kind, -_QUIET) >= _QUIET
        if due:
            self._logged_at[kind] = now
        return due
