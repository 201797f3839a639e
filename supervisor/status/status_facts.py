"""The facts about one partition that every view shows: `rtpipe status`, the live table, the log's summary.

They cross to a process that may be of another version: a missing key means that the value is not known, and a key that
is not known here is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import metadata
from typing import Any

#: 2: `state` is "waiting" where a worker waits, and offsets that are not known are null.
SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition as the supervisor knows it; None where it does not know (yet)."""

    topic: str
    partition: int  #: -1 while the partitions are not known
    state: str
    reason: str  #: why it is halted, in backoff, or waits; "" otherwise
    pid: int | None
    writer_pid: int | None
    epoch: int | None
    end_offset: int | None  #: end of the log in Kafka
    offset: int | None  #: next to consume by kafka_offsets
    rows: int | None  #: rows committed since the supervisor started
    dead: int | None  #: dead letters committed since then
    rows_per_second: float | None
    queue_depth: int | None
    backpressure: bool | None
    restarts: int | None
    memory_bytes: int | None  #: PSS of consumer and writer
    cpu_percent: float | None
    altered: int = 0  #: values that lossy columns changed since the supervisor started
    last_death: str = ""  #: how its last generation died that was started again; "" if none did
    last_death_age: float | None = None  #: seconds since then
    limited_by: str = ""  #: what ended its last batch: rows, bytes, linger, end; "" before the first
    warning: str = ""  #: what a person should mend though the partition runs

    @property
    def key(self) -> str:
        """`dataset1/0`; the topic alone while its partitions are not known."""
        return self.topic if self.partition < 0 else f"{self.topic}/{self.partition}"

    @property
    def lag(self) -> int | None:
        """Messages in Kafka that are not in the table."""
        if self.end_offset is None or self.offset is None:
            return None
        return max(0, self.end_offset - self.offset)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PartitionStatus:
        """The inverse of `asdict`; keys may be missing, and others are ignored."""
        known = {field.name: _READ[str(field.type)](data.get(field.name)) for field in fields(cls)}
        if known["state"] == "running" and known["reason"]:  # as version 1 says it
            known["state"] = "waiting"
        return cls(**known | {"topic": known["topic"] or "?", "state": known["state"] or "unknown"})


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """Everything one supervisor says of itself."""

    supervisor_pid: int | None
    uptime_seconds: float | None
    draining: bool | None
    partitions: tuple[PartitionStatus, ...]
    version: str = ""  #: of rtpipe
    schema_version: int | None = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Stable keys; offsets are numbers."""
        return {
            "schema_version": self.schema_version,
            "version": self.version,
            "supervisor_pid": self.supervisor_pid,
            "uptime_seconds": self.uptime_seconds,
            "draining": self.draining,
            "partitions": [asdict(p) | {"lag": p.lag} for p in self.partitions],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PipelineStatus:
        """The inverse of to_json; keys may be missing, and others are ignored."""
        found = data.get("partitions")
        partitions = found if isinstance(found, list) else []
        return cls(
            _whole(data.get("supervisor_pid")),
            _number(data.get("uptime_seconds")),
            _truth(data.get("draining")),
            tuple(PartitionStatus.from_json(p) for p in partitions if isinstance(p, dict)),
            _text(data.get("version")),
            _whole(data.get("schema_version")),
        )


@cache
def own_version() -> str:
    """Of the rtpipe that runs here."""
    return metadata.version("rtpipe")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


#: A field's type, and how it is read from JSON.
_READ: Mapping[str, Any] = {
    "str": _text,
    "int": lambda value: -1 if _whole(value) is None else value,
    "int | None": _whole,
    "float | None": _number,
    "bool | None": _truth,
}
