"""The heartbeat: the last sign of life of each process, and the limits after which one counts as stuck. Pure.

Each process gives a sign of life every few seconds. The consumer's come to the supervisor and say how long its writer
has given none. The seconds are settings: heartbeat_seconds in
supervisor/settings/fields/run_settings.py, database_seconds in database_settings.py beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Seconds that a writer gets, after the driver gave up on a silent server, to say so.
_DRIVER_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class HeartbeatLimits:
    """Seconds without a sign of life after which a process is stuck; both come from the settings of the same name."""

    heartbeat_seconds: float
    database_seconds: float  #: how long a writer may wait for a database that does not answer

    @property
    def consumer(self) -> float:
        """The limit of a consumer."""
        return self.heartbeat_seconds

    @property
    def writer(self) -> float:
        """The limit of a writer, which says nothing while its driver waits for the database."""
        return max(self.heartbeat_seconds, self.database_seconds + _DRIVER_GRACE)


@dataclass(frozen=True, slots=True)
class Silence:
    """Which process is stuck, and how long it has said nothing."""

    process: Literal["consumer", "writer"]
    seconds: float

    def __str__(self) -> str:
        """`no heartbeat of its writer for 35 s`."""
        return f"no heartbeat of its {self.process} for {self.seconds:.0f} s"


class Heartbeat:
    """When the processes of one generation gave their last sign of life, in monotonic seconds."""

    def __init__(self, now: float) -> None:
        """`now`: when they were started."""
        self.last_beat = now
        self._writer_silent = 0.0

    def beat(self, now: float) -> None:
        """The consumer reported something."""
        self.last_beat = now

    def writer_is_silent(self, silent: float) -> None:
        """The consumer has had no report of its writer for so many seconds."""
        self._writer_silent = silent

    def silence(self, now: float, limits: HeartbeatLimits) -> Silence | None:
        """Who is stuck; None if nobody is. A consumer that is silent cannot tell of its writer."""
        if now - self.last_beat > limits.consumer:
            return Silence("consumer", now - self.last_beat)
        if self._writer_silent > limits.writer:
            return Silence("writer", self._writer_silent)
        return None
