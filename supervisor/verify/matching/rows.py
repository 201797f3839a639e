"""Which rows of a table and which messages of a topic have no counterpart: two multisets, compared in bounded memory.

First pass: a tally of each side (tally.py); those of equal multisets are equal, and take 4 MB each, however many rows
there are. Only for buckets that differ the two sides are read again and rows are held one by one: 150 bytes for a
distinct digest, at most GROUP_ROWS digests at a time (300 MB), so a table that is wrong all over takes several more
passes. Duplicates are judged against the topic: three equal messages ask for three equal rows.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple, TypeVar

from supervisor.verify.forms.values import Row, digest
from supervisor.verify.matching.tally import Tally, bucket_of

GROUP_ROWS = 2_000_000  #: rows of the table that are held at a time
KEPT_ROWS = 20_000  #: missing and extra rows each that are kept with their values; all are counted
KEPT_BYTES = 64_000_000  #: and not more than about so much
POSITIONS = 4  #: partition and offset of so many equal messages are kept


class Message(NamedTuple):
    """One message of the topic; `row` is None if it cannot be decoded, for the `reason` given."""

    partition: int
    offset: int
    row: Row | None
    reason: str = ""


Item = TypeVar("Item")
Messages = Callable[[], Iterable[Sequence[Message]]]
Rows = Callable[[], Iterable[Sequence[Row]]]


@dataclass(frozen=True, slots=True)
class Missing:
    """A message without a row; `twins`: equal messages have rows, so which one of them lacks it cannot be told."""

    partition: int
    offset: int
    row: Row
    twins: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """A row without a message; `copies_of`: (partition, offset) of the messages it repeats, if there are any."""

    row: Row
    copies_of: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Findings:
    """What `compare_rows` found: everything counted, the first ones kept."""

    messages: int = 0  #: that were read and could be decoded
    rows: int = 0
    unreadable: list[Message] = field(default_factory=list)
    unreadable_count: Counter[int] = field(default_factory=Counter)  #: by partition
    missing: list[Missing] = field(default_factory=list)
    missing_count: Counter[int] = field(default_factory=Counter)  #: by partition
    extra: list[Extra] = field(default_factory=list)
    extra_count: int = 0
    copies_count: int = 0  #: of the extra ones: those that repeat a message
    kept_bytes: int = 0

    def keeps(self, row: Row, kept: int) -> bool:
        """Whether there is room for one more row with its values beside `kept` others of its kind."""
        if kept >= KEPT_ROWS or self.kept_bytes > KEPT_BYTES:
            return False
        self.kept_bytes += 100 + sum(len(value) if isinstance(value, (str, bytes)) else 8 for value in row)
        return True


@dataclass(slots=True)
class Sides:
    """The first pass: both sides as tallies, and what of the topic cannot be decoded."""

    in_topic: Tally = field(default_factory=Tally)
    in_table: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)

    def add_messages(self, batch: Sequence[Message]) -> None:
        """Some messages with their rows."""
        self.in_topic.add([message.row for message in batch if message.row is not None])
        self.add_unreadable([message for message in batch if message.row is None])

    def add_unreadable(self, messages: Sequence[Message]) -> None:
        """Messages that have no row."""
        for message in messages:
            self.findings.unreadable_count[message.partition] += 1
            if len(self.findings.unreadable) < KEPT_ROWS:
                self.findings.unreadable.append(message)


def compare_rows(messages: Messages, rows: Rows) -> Findings:
    """Compare what the two functions give, batch by batch; each call must give the same anew."""
    sides = Sides()
    for batch in messages():
        sides.add_messages(batch)
    for rows_of_table in rows():
        sides.in_table.add(rows_of_table)
    return look_closer(sides, messages, rows)


def look_closer(sides: Sides, messages: Messages, rows: Rows) -> Findings:
    """After the first pass: read again what of the two sides is not equal."""
    findings, in_topic, in_table = sides.findings, sides.in_topic, sides.in_table
    findings.messages, findings.rows = in_topic.total, in_table.total
    findings.unreadable.sort(key=attrgetter("partition", "offset"))
    for group in _groups(in_topic.unequal(in_table), in_table):
        _look_into(group, messages, rows, findings)
    return findings


def _each(batches: Callable[[], Iterable[Sequence[Item]]]) -> Iterator[Item]:
    return itertools.chain.from_iterable(batches())


def _groups(buckets: Iterable[int], in_table: Tally) -> Iterator[frozenset[int]]:
    """The buckets in groups that hold at most GROUP_ROWS rows of the table together (or one bucket)."""
    group: list[int] = []
    held = 0
    for bucket in buckets:
        if group and held + in_table.count(bucket) > GROUP_ROWS:
            yield frozenset(group)
            group, held = [], 0
        group.append(bucket)
        held += in_table.count(bucket)
    if group:
        yield frozenset(group)


def _look_into(
    group: frozenset[int],
    messages: Messages,
    rows: Rows,
    findings: Findings,
) -> None:
    """Find the missing and extra rows of a group of buckets: count the table's, strike them out, name what is left."""
    left: Counter[bytes] = Counter()
    for row in _each(rows):
        key = digest(row)
        if bucket_of(key) in group:
            left[key] += 1
    repeated: dict[bytes, list[tuple[int, int]]] = {key: [] for key, count in left.items() if count > 1}
    for message in _each(messages):
        if message.row is None or bucket_of(key := digest(message.row)) not in group:
            continue
        if left.get(key, 0):
            left[key] -= 1
            if key in repeated and len(repeated[key]) < POSITIONS:
                repeated[key].append((message.partition, message.offset))
            continue
        findings.missing_count[message.partition] += 1
        if findings.keeps(message.row, len(findings.missing)):
            findings.missing.append(Missing(message.partition, message.offset, message.row, twins=key in left))
    _name_extra(+left, repeated, rows, findings)


def _name_extra(
    left: Counter[bytes],
    repeated: dict[bytes, list[tuple[int, int]]],
    rows: Rows,
    findings: Findings,
) -> None:
    """Count the rows that are left over, and read the table once more for their values."""
    findings.extra_count += left.total()
    findings.copies_count += sum(count for key, count in left.items() if repeated.get(key))
    if not left:
        return
    for row in _each(rows):
        key = digest(row)
        if left.get(key, 0) and findings.keeps(row, len(findings.extra)):
            left[key] -= 1
            findings.extra.append(Extra(row, tuple(sorted(repeated.get(key, ())))))
