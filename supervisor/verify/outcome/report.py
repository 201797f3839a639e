"""What `rtpipe verify` found, as frozen values; view.py shows them to people and to programs."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rtpipe.errors import ExitCode


class DifferenceKind(enum.StrEnum):
    """What is wrong, in words that stay."""

    NOT_CONSUMED = "not_consumed"  #: the stored offset is behind the watermark
    BEYOND_END = "beyond_end"  #: the stored offset, or its partition, does not exist in the topic
    ROW_COUNT = "row_count"  #: the table has more or fewer rows than were counted at commit
    OVERCOUNTED = "overcounted"  #: more rows were counted at commit than the topic ever had offsets
    MISSING = "missing"  #: a message has no row
    EXTRA = "extra"  #: a row has no message, or more copies than messages
    ALTERED = "altered"  #: a row differs from its message in some columns
    UNREADABLE = "unreadable"  #: a consumed message cannot be decoded
    KEY = "key"  #: a tombstone whose key is not that of the row that it was to delete


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing found. `expected` is what the topic (or the counter) says, `found` what the table does."""

    kind: DifferenceKind
    topic: str
    text: str
    partition: int | None = None
    offset: int | None = None
    column: str | None = None
    expected: Any = None
    found: Any = None


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """One partition: Kafka's watermarks (high: the last stable offset) and what kafka_offsets says."""

    partition: int
    low: int
    high: int
    stored: int | None  #: next offset to consume; None: no row in kafka_offsets
    rows_total: int = 0
    dead_total: int = 0

    @property
    def lag(self) -> int:
        """Offsets up to the watermark that are not consumed."""
        return max(0, self.high - (self.low if self.stored is None else self.stored))


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicReport:
    """One topic and its table. `differences` lists the first ones, `counts` has all, by kind."""

    topic: str
    table: str
    group: str
    partitions: tuple[PartitionReport, ...]
    rows_in_table: int
    messages_read: int | None = None  #: with values: messages that were compared; None without
    differences: tuple[Difference, ...] = ()
    counts: Mapping[DifferenceKind, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  #: what could not be checked

    @property
    def rows_total(self) -> int:
        """Rows counted at commit, over all partitions."""
        return sum(partition.rows_total for partition in self.partitions)

    @property
    def dead_letters(self) -> int:
        """Messages that are dead letters instead of rows, over all partitions."""
        return sum(partition.dead_total for partition in self.partitions)

    @property
    def lag(self) -> int:
        """Offsets not consumed, over all partitions."""
        return sum(partition.lag for partition in self.partitions)

    @property
    def ok(self) -> bool:
        """All consumed, and each message a row that is equal, or a dead letter."""
        return not self.counts


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The answer of `rtpipe verify`; `values`: whether every row was compared; seconds: how long it took."""

    topics: tuple[TopicReport, ...]
    values: bool
    seconds: float

    @property
    def ok(self) -> bool:
        """All topics consumed and equal."""
        return all(topic.ok for topic in self.topics)

    @property
    def dead_letters(self) -> int:
        """Messages that are dead letters instead of rows, over all topics."""
        return sum(topic.dead_letters for topic in self.topics)

    def exit_code(self, *, fail_on_dead_letters: bool) -> ExitCode:
        """DIFFERENT if anything is; dead letters are no difference, and DEAD_LETTERS on request."""
        if not self.ok:
            return ExitCode.DIFFERENT
        return ExitCode.DEAD_LETTERS if fail_on_dead_letters and self.dead_letters else ExitCode.DONE


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """For a progress bar: `stage` is what is being read, `total` an upper bound where one is known."""

    topic: str
    stage: str
    done: int
    total: int | None
