"""Everything one supervisor says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Any

from supervisor.status.facts.json_reading import read
from supervisor.status.facts.json_writing import write
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.topic_status import TopicStatus

#: 3: conditions, lag in seconds, phases, deaths, troubles, topics; all that version 2 had is there as it was.
SCHEMA_VERSION = 3


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One supervisor with its topics and partitions."""

    supervisor_pid: int | None
    uptime_seconds: float | None
    draining: bool | None
    partitions: tuple[PartitionStatus, ...]
    version: str = ""  #: of rtpipe
    schema_version: int | None = SCHEMA_VERSION
    topics: tuple[TopicStatus, ...] = ()
    started_at: str = ""  #: RFC 3339, UTC
    kafka: str = ""  #: bootstrap servers
    database: str = ""  #: host and port, without a login
    notes: tuple[str, ...] = ()  #: topics that are not served, and why, in words

    def to_json(self) -> dict[str, Any]:
        """Stable keys; offsets are numbers."""
        derived = [{"lag": p.lag, "limiting_phase": p.limiting_phase} for p in self.partitions]
        said: dict[str, Any] = write(self)
        return said | {"partitions": [one | more for one, more in zip(said["partitions"], derived, strict=True)]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PipelineStatus:
        """The inverse of to_json; keys may be missing, and others are ignored."""
        found = data.get("partitions")
        partitions = [p for p in found if isinstance(p, dict)] if isinstance(found, list) else []
        said: PipelineStatus = read(cls, {**data, "partitions": []})
        return replace(said, partitions=tuple(PartitionStatus.from_json(p) for p in partitions))


@cache
def own_version() -> str:
    """Of the rtpipe that runs here."""
    return metadata.version("rtpipe")
