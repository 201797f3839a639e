"""The facts about one topic: what is promised of it, its schemas, and what was done to its table for them."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.schemas.topic_facts import TableChange


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """One topic as the supervisor knows it."""

    topic: str
    table: str
    late_after: float  #: seconds: a partition with an older message that is not committed is late
    stuck_after: float  #: seconds: a partition that commits nothing for so long, though messages are there, is stuck
    schema_ids: tuple[int, ...] = ()  #: that its writers asked for since the supervisor started
    changes: tuple[TableChange, ...] = ()  #: of its table since then, the newest first
    row_limit: float | None = None  #: rows a second of all its partitions together; None: no limit
    row_limit_reason: str = ""  #: who or what limits it, and when
    mode: str = ""  #: how rows are written: insert or upsert
