"""The dead letters of a topic, for `rtpipe verify --values`: their messages need no rows, and are kept unchanged."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import DifferenceKind


class DeadLetters:
    """Those of one topic: {(partition, offset): SHA-256 of the value, None where it was too large to keep}."""

    def __init__(self, kept: Mapping[tuple[int, int], bytes | None]) -> None:
        self._kept = kept
        self._seen: dict[tuple[int, int], bool] = {}  # whether the dead letter is the message
        self.found: Counter[int] = Counter()  #: dead letters whose messages were read, by partition

    def have(self, message: TopicMessage) -> bool:
        """Whether the message is a dead letter; each is counted once, however often it is read."""
        position = message.position
        if position not in self._kept:
            return False
        if position not in self._seen:
            kept = self._kept[position]
            digest = None if message.value is None else hashlib.sha256(message.value).digest()
            self._seen[position] = kept is None or kept == digest
            self.found[message.partition] += 1
        return True

    def judge(self, differences: Differences, topic: str) -> None:
        """Name the dead letters that are not what their messages are."""
        for (partition, offset), same in sorted(self._seen.items()):
            if not same:
                differences.add(
                    DifferenceKind.ALTERED,
                    f"{topic}/{partition} offset {offset}: its dead letter has another value than the message",
                    partition=partition,
                    offset=offset,
                    column="value",
                )
