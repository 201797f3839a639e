"""A process of its own: committed offsets from standard input -> the consumer groups in Kafka."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Mapping
from typing import Any

from rtpipe.deadline import Deadline
from rtpipe.log import log_to_stderr
from rtpipe.pause import PausePolicy
from supervisor.companions import companion_process
from supervisor.mirror.group_offsets import GroupOffsets
from supervisor.mirror.mirrored_topic import Committed, MirroredTopic

#: Seconds between two writings; and for the last ones, once the supervisor has ended.
_EVERY, _LAST_SECONDS = 1.0, 2.5
_LONGEST_WAIT = 3_600.0
#: Between two looks whether one of the last offsets is to be tried again.
_LAST_PAUSES = PausePolicy.steady(0.1)
_READ = 65_536


class MirrorProcess:
    """Writes what of the newest offsets Kafka does not have, as far as it was written here."""

    def __init__(self, groups: GroupOffsets) -> None:
        self._groups = groups
        self._topics: dict[str, MirroredTopic] = {}
        self._committed: Mapping[str, Committed] = {}
        self._leaving: dict[str, Committed] = {}  #: topics that are served no more, of which the last is to be written
        self._rest = b""  #: the begin of a line

    def run(self) -> None:
        """Until standard input ends: the supervisor is gone, and what it said last is still to be written."""
        news, next_write = False, 0.0
        while True:
            due = next_write if news else self._due()
            wait = min(_LONGEST_WAIT, max(0.0, due - time.monotonic()))
            if select.select([sys.stdin], [], [], wait)[0]:
                data = os.read(sys.stdin.fileno(), _READ)
                if not data:
                    break
                news = self.take(data) or news
            now = time.monotonic()
            if now >= (next_write if news else self._due()):
                self.write(now)
                news, next_write = False, time.monotonic() + _EVERY
        self.write_last(Deadline.after(_LAST_SECONDS))

    def take(self, data: bytes) -> bool:
        """A part of standard input; whether offsets are in it. Of several lines the last one counts, and of a topic the
        last one that has it.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            self._leaving |= {topic: one for topic, one in self._committed.items() if topic not in said}
            self._committed = {topic: Committed.from_json(topic, one) for topic, one in said.items()}
            self._leaving = {topic: one for topic, one in self._leaving.items() if topic not in said}
            self._topics |= {topic: MirroredTopic(topic) for topic in said if topic not in self._topics}
        return bool(lines)

    def _due(self) -> float:
        """When there is something to write although nothing was committed, in monotonic seconds."""
        return min((one.due for one in self._topics.values()), default=float("inf"))

    def write(self, now: float) -> None:
        """What has changed; `now`: monotonic seconds."""
        for topic, committed in (self._leaving | dict(self._committed)).items():
            self._topics[topic].write(self._groups, committed, now)
        self._leaving = {topic: one for topic, one in self._leaving.items() if self._topics[topic].hopes}
        self._topics = {topic: self._topics[topic] for topic in (*self._committed, *self._leaving)}

    def write_last(self, deadline: Deadline) -> None:
        """What is left, again if that failed for what may be over at the next try."""
        self.write(time.monotonic())
        while waits := [one.due for one in self._topics.values() if one.hopes]:
            if min(waits) > deadline.moment:
                return
            time.sleep(_LAST_PAUSES.seconds())
            self.write(time.monotonic())


def main() -> None:
    """Run; ends with its standard input, of which the first line says how to reach Kafka."""
    companion_process.begin()
    line = companion_process.first_line()
    if not line:
        return
    start: dict[str, Any] = json.loads(line)
    log_to_stderr(start["log_format"], start["log_level"])
    MirrorProcess(GroupOffsets(start["kafka"], start["kafka_file"])).run()


if __name__ == "__main__":
    main()
