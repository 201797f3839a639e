"""The deaths of one partition's workers since the supervisor started, and when the next one starts."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass

from supervisor.lifecycle.ends.restart_policy import Restart, RestartPolicy
from supervisor.lifecycle.generation.generation_end import GenerationEnd


@dataclass(frozen=True, slots=True)
class DeathRecord:
    """The end of one generation: when, and all that is known of it."""

    at: float  #: monotonic seconds
    wall: float  #: seconds since 1970
    end: GenerationEnd


#: Deaths that are remembered.
_KEPT = 10


class DeathHistory:
    """Counts restarts; the deaths without progress since the last progress decide how long the next start waits."""

    def __init__(self, policy: RestartPolicy) -> None:
        self.policy = policy
        self.restarts: Counter[str] = Counter()  #: by what died first, and how
        self.records: deque[DeathRecord] = deque(maxlen=_KEPT)  #: the newest first; with stacks, if processes wrote any
        self._without_progress: list[float] = []

    @property
    def last(self) -> DeathRecord | None:
        """The newest."""
        return self.records[0] if self.records else None

    @property
    def without_progress(self) -> int:
        """Deaths since the last progress."""
        return len(self._without_progress)

    def add(self, end: GenerationEnd, now: float, chance: float) -> Restart:
        """A generation died: when the next one starts. `chance`: 0..1, for the jitter."""
        self.records.appendleft(DeathRecord(now, time.time(), end))
        self.restarts[end.death.kind] += 1
        self._without_progress.append(now)
        return self.policy.next_start(self._without_progress, now, chance)

    def forgive(self) -> None:
        """The worker made progress, or a person wants it to start: the deaths before count no more."""
        self._without_progress.clear()
