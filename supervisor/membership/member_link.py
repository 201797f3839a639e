"""The supervisor's end of the pipe to its member: what it says, what it is told, and that it is another process now."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Collection, Iterator

from supervisor.companions.companion import Companion
from supervisor.membership.member_words import MemberStart, Said, Told
from workers.contract.partition_spec import PartitionKey


class MemberLink:
    """The member is a process of its own, since librdkafka may abort its process."""

    def __init__(self, start: Callable[[], MemberStart], wake: Callable[[], None]) -> None:
        """`start`: what it is told first, at each start. `wake` is called from another thread when it has spoken."""
        self._start = start
        self._said: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._starts = 0

        def hear(line: str) -> None:
            self._said.put(Said.from_line(line))
            wake()

        self._companion = Companion("member", "supervisor.membership.member_process", hear=hear)

    def look(self, now: float) -> bool:
        """Watch the process; whether it was started."""
        self._companion.look(now)
        if self._companion.starts == self._starts:
            return False
        self._starts = self._companion.starts
        self._companion.tell(self._start().line())
        return True

    def said(self) -> Iterator[Said]:
        """What it has said since the last call, in order."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._said.get_nowait()

    def tell_given_up(self, keys: Collection[PartitionKey]) -> bool:
        """Others may have these; whether it takes the line."""
        return self._companion.tell(Told(tuple(sorted(keys))).line())

    def tell_topics(self, topics: Collection[str]) -> bool:
        """All that this host shares from now on; whether it takes the line."""
        return self._companion.tell(Told(topics=tuple(sorted(topics))).line())

    def stop(self) -> None:
        """Let it end."""
        self._companion.stop()
