"""The facts about one partition that every view shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from supervisor.status.facts.json_reading import read
from workers.contract.batch_figures import NO_FIGURES, BatchFigures, PhaseSeconds
from workers.contract.reports import ServerSeen


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong and was told in the log."""

    at: str  #: RFC 3339, UTC
    name: str  #: such as `E_VALUE`
    text: str


@dataclass(frozen=True, slots=True)
class DeathFact:
    """The end of one generation that was started again."""

    at: str  #: RFC 3339, UTC
    reason: str  #: how it died, in words
    process: str  #: which of the two died first: `consumer` or `writer`
    pid: int | None
    exit_code: int | None  #: below 0: by this signal; None: nobody knows
    offset: int | None  #: next to consume by kafka_offsets when it died
    epoch: int | None
    has_stacks: bool  #: its processes wrote what they did


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
    state_seconds: float | None = None  #: since when it is in this state
    condition: str = ""  #: whether its data is all right: held, stuck, late, unknown, paused, throttled, ok
    condition_reason: str = ""  #: why; "" where the condition says enough
    condition_seconds: float | None = None  #: since when
    lag_seconds: float | None = None  #: age of the oldest message that is not committed; 0 if there is none
    lag_per_second: float | None = None  #: messages by which the lag grows; below 0 where it shrinks
    caught_up_in: float | None = None  #: seconds until nothing is left, if it goes on like this
    commit_age: float | None = None  #: seconds since its last commit
    batches: int | None = None  #: committed since the supervisor started
    phases: PhaseSeconds | None = None  #: where its writer's time went in the last seconds, as shares of 1
    figures: BatchFigures = NO_FIGURES  #: sums over its batches since the supervisor started
    deaths: tuple[DeathFact, ...] = ()  #: the last ones, newest first
    troubles: tuple[Trouble, ...] = ()  #: the last ones, newest first
    server: ServerSeen | None = None  #: the database, as its writer saw it when it claimed the partition
    table: str = ""
    group: str = ""  #: names its row in kafka_offsets
    restart_reasons: Mapping[str, int] = field(default_factory=dict)  #: restarts by what died first, and how
    buffered: int | None = None  #: messages that were read and are not committed

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

    @property
    def limiting_phase(self) -> str:
        """The phase that takes its writer most time; "" if nobody knows."""
        if self.phases is None:
            return ""
        shares = {"waiting": self.phases.waiting, "encoding": self.phases.encoding, "writing": self.phases.writing}
        shares["commit"] = self.phases.commit
        return max(shares, key=lambda name: shares[name]) if any(shares.values()) else ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PartitionStatus:
        """The inverse of `asdict`; keys may be missing, and others are ignored."""
        state = data.get("state") if isinstance(data.get("state"), str) else ""
        if state == "running" and data.get("reason"):  # as version 1 says it
            state = "waiting"
        topic = data.get("topic") if isinstance(data.get("topic"), str) else ""
        found: PartitionStatus = read(cls, {**data, "topic": topic or "?", "state": state or "unknown"})
        return found
