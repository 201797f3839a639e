"""The facts about one partition that every view shows: `rtpipe status`, the live table, the log's summary."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition as the supervisor knows it; None where it does not know (yet)."""

    topic: str
    partition: int
    state: str
    reason: str  #: why it is halted, in backoff, or waits for a service; "" otherwise
    pid: int | None
    writer_pid: int | None
    epoch: int | None
    end_offset: int | None  #: end of the log in Kafka
    offset: int | None  #: next to consume by kafka_offsets
    rows: int  #: rows committed since the supervisor started
    dead: int  #: dead letters committed since then
    rows_per_second: float
    queue_depth: int
    backpressure: bool
    restarts: int
    memory_bytes: int | None  #: PSS of consumer and writer
    cpu_percent: float | None

    @property
    def key(self) -> str:
        """`dataset1/0`."""
        return f"{self.topic}/{self.partition}"

    @property
    def lag(self) -> int | None:
        """Messages in Kafka that are not in the table."""
        if self.end_offset is None or self.offset is None:
            return None
        return max(0, self.end_offset - self.offset)


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """Everything one supervisor says of itself."""

    supervisor_pid: int
    uptime_seconds: float
    draining: bool
    partitions: tuple[PartitionStatus, ...]

    def to_json(self) -> dict[str, Any]:
        """Stable keys; offsets are numbers."""
        return {
            "schema_version": SCHEMA_VERSION,
            "supervisor_pid": self.supervisor_pid,
            "uptime_seconds": round(self.uptime_seconds, 3),
            "draining": self.draining,
            "partitions": [asdict(p) | {"lag": p.lag} for p in self.partitions],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PipelineStatus:
        """The inverse of to_json."""
        partitions = tuple(PartitionStatus(**{k: v for k, v in p.items() if k != "lag"}) for p in data["partitions"])
        return cls(data["supervisor_pid"], data["uptime_seconds"], data["draining"], partitions)
