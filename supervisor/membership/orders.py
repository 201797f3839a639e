"""The member's standard input: what the supervisor tells, and that it is gone."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence

from supervisor.membership.member_words import Told
from workers.contract.partition_spec import PartitionKey

_READ = 65_536


class Orders:
    """Read without waiting, or for some time."""

    def __init__(self, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)  #: that this host shares
        self.ended = False  #: the supervisor is gone
        self.given_up: set[PartitionKey] = set()
        self._rest = b""  #: the begin of a line

    def look(self, seconds: float = 0.0) -> None:
        """Take what is there; wait so long for it."""
        if self.ended or not select.select([sys.stdin], [], [], seconds)[0]:
            return
        data = os.read(sys.stdin.fileno(), _READ)
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            told = Told.from_line(line)
            self.given_up |= set(told.given_up)
            self.topics = self.topics if told.topics is None else told.topics
