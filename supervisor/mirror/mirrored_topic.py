"""One topic's offsets in its consumer group in Kafka: what of them must be written, and what follows if that fails."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor.mirror.group_offsets import GroupOffsets
from workers.contract.partition_spec import PartitionKey

log = get_logger("supervisor")
#: Seconds after which all offsets are written again: Kafka forgets those of a group without members, by default after
#: a week.
_REFRESH = 86_400.0
_PAUSES = PausePolicy(first=1.0, longest=60.0)
#: So many tries in vain are no news: brokers restart.
_PATIENCE = 4


@dataclass(frozen=True, slots=True)
class Committed:
    """The committed offsets of a topic's partitions, and the group that they are for."""

    group: str
    offsets: Mapping[PartitionKey, int]

    def to_json(self) -> dict[str, Any]:
        """As it is told to the process that writes them."""
        return {"group": self.group, "offsets": {str(key.partition): offset for key, offset in self.offsets.items()}}

    @classmethod
    def from_json(cls, topic: str, said: Mapping[str, Any]) -> Committed:
        """The inverse of to_json."""
        found = {PartitionKey(topic, int(number)): offset for number, offset in said["offsets"].items()}
        return cls(said["group"], found)


class MirroredTopic:
    """Knows what Kafka has, as far as it was written here."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._written: dict[PartitionKey, int] = {}
        self._stale_at = self._next_try = 0.0
        self._failures = 0
        self._told = False  #: that it does not work stands in the log

    @property
    def due(self) -> float:
        """When there is something to write although nothing was committed, in monotonic seconds."""
        if self._failures:
            return self._next_try
        return self._stale_at if self._written else math.inf

    @property
    def hopes(self) -> bool:
        """Whether the last try failed for what may be over at the next one."""
        return self._failures > 0 and not self._told

    def write(self, groups: GroupOffsets, committed: Committed, now: float) -> None:
        """Write what has changed, in one request; a failure is logged, and tried again after a pause."""
        if now < self._next_try:
            return
        if now >= self._stale_at:
            self._written, self._stale_at = {}, now + _REFRESH
        changed = {key: offset for key, offset in committed.offsets.items() if self._written.get(key) != offset}
        if not changed:
            return
        try:
            groups.write(committed.group, changed)
        except RtpipeError as exc:
            self._failed(exc, committed.group, now)
        else:
            self._succeeded(committed.group)
            self._written |= changed

    def _failed(self, why: RtpipeError, group: str, now: float) -> None:
        self._failures += 1
        self._next_try = now + _PAUSES.seconds(self._failures)
        passes = isinstance(why, UnreachableError | LoginRefusedError)
        if self._told or (passes and self._failures < _PATIENCE):
            return
        self._told = True
        text = (
            "%s: its offsets cannot be written to the consumer group %s, so Kafka's own tools show an old lag; rows go"
            " on. %s%s. Tried again every minute; mirror_offsets = false ends that"
        )
        hint = f" ({why.hint})" if why.hint else ""
        log.warning(text, self._topic, group, why.message, hint, extra=self._extra("offsets_not_mirrored", group))

    def _succeeded(self, group: str) -> None:
        if self._told:
            text = "%s: the consumer group %s has its offsets again"
            log.info(text, self._topic, group, extra=self._extra("offsets_mirrored", group))
        self._failures, self._told = 0, False

    def _extra(self, event: str, group: str) -> dict[str, str]:
        return {"event": event, "topic": self._topic, "group": group}
