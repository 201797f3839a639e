"""Both ends of a consumer, in memory: the topic that it reads, and the queue of its writer."""

from __future__ import annotations

from typing import Any

from tests.support.samples.specs import default_limits

#: Small batches, none of which becomes old by itself, however slow the machine.
NEVER_OLD = default_limits(batch_rows=3, linger_seconds=3_600.0)


class MemoryQueue:
    """Takes every batch, and gives none back."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    def offer(self, batch: Any) -> bool:
        self.taken.append(batch)
        return True

    def depth(self) -> int:
        return 0


class MemoryTopic:
    """What a TopicConsumer reads is what a test laid into `polls`; then nothing more comes."""

    end_offset = 65

    def __init__(self) -> None:
        self.polls: list[tuple[list[Any], int | None]] = []
        self.closed = False
        self.stored = 0
        self.waited: list[float] = []
        self.rests = False

    def poll(self, _most: int, timeout: float) -> tuple[list[Any], int | None]:
        self.waited.append(timeout)
        return self.polls.pop(0) if self.polls else ([], None)

    def rest(self, _seconds: float) -> None:
        self.rests = True

    def refreshed_end(self) -> int:
        return 65

    def close(self) -> None:
        self.closed = True
