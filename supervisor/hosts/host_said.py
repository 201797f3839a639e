"""What one host has said of itself: facts alone, which the page's process reads, too."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from rtpipe.clock import duration, timestamp
from supervisor.status.facts.pipeline_status import PipelineStatus

#: Seconds after which a host that publishes nothing is silent, and after which it is forgotten.
SILENT_AFTER, FORGOTTEN_AFTER = 15.0, 7 * 86_400


@dataclass(frozen=True, slots=True)
class HostSaid:
    """The row of one host."""

    instance_id: str
    owner: str
    age: float  #: seconds since it was published, by the database's clock
    status: PipelineStatus

    @property
    def is_silent(self) -> bool:
        """Whether what it said is too old to be so now."""
        return self.age > SILENT_AFTER

    @property
    def heard(self) -> str:
        """`2 s ago`, `silent for 3 min, since 2026-11-29 03:12 UTC`."""
        if not self.is_silent:
            return f"{duration(round(self.age))} ago"
        since = timestamp(time.time() - self.age)
        return f"silent for {duration(round(self.age))}, since {since[:10]} {since[11:16]} UTC"

    def to_json(self) -> dict[str, Any]:
        """Plain facts."""
        return asdict(self) | {"silent": self.is_silent, "status": self.status.to_json()}

    @classmethod
    def from_json(cls, said: Mapping[str, Any], more_age: float = 0.0) -> Self:
        """The inverse of to_json, so many seconds later."""
        status = PipelineStatus.from_json(said["status"])
        return cls(str(said["instance_id"]), str(said["owner"]), float(said["age"]) + more_age, status)
