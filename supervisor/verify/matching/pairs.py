"""Which missing and which extra row are one row that somebody altered: a guess by what they still have in common."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.verify.forms.values import Row, Value
from supervisor.verify.matching.rows import Extra, Missing

COMMON = 50  #: a value that more extra rows share tells nothing about which row is meant


@dataclass(frozen=True, slots=True)
class Altered:
    """A message and the row that it probably became; `columns` are the indexes of the values that differ."""

    missing: Missing
    extra: Extra
    columns: tuple[int, ...]


def pair_altered(
    missing: Sequence[Missing], extra: Sequence[Extra], *, leading: int = 0
) -> tuple[list[Altered], list[Missing], list[Extra]]:
    """(altered rows, what is missing still, what is extra still).

    With `leading` values that say partition and offset, rows pair by these. Without, a pair must agree in its first
    value (the key, by rtpipe's default) or in half of its values at least; the most alike pair first. A row that is a
    copy of a message is no altered one.
    """
    candidates = _by_position(missing, extra, leading) if leading else _by_likeness(missing, extra)
    taken_missing: set[int] = set()
    taken_extra: set[int] = set()
    altered = []
    for number, other in candidates:
        if number in taken_missing or other in taken_extra:
            continue
        taken_missing.add(number)
        taken_extra.add(other)
        columns = _differing(missing[number].row, extra[other].row)
        altered.append(Altered(missing[number], extra[other], columns))
    altered.sort(key=lambda pair: (pair.missing.partition, pair.missing.offset))
    return (
        altered,
        [row for number, row in enumerate(missing) if number not in taken_missing],
        [row for number, row in enumerate(extra) if number not in taken_extra],
    )


def _by_position(missing: Sequence[Missing], extra: Sequence[Extra], leading: int) -> list[tuple[int, int]]:
    positions = {row.row[:leading]: number for number, row in enumerate(extra) if not row.copies_of}
    return [
        (number, positions[row.row[:leading]]) for number, row in enumerate(missing) if row.row[:leading] in positions
    ]


def _by_likeness(missing: Sequence[Missing], extra: Sequence[Extra]) -> list[tuple[int, int]]:
    """Pairs of indexes, the most alike first; among equally alike ones those with the same first value."""
    holders: dict[tuple[int, Value], list[int]] = defaultdict(list)
    for other, candidate in enumerate(extra):
        if not candidate.copies_of:
            for column, value in enumerate(candidate.row):
                holders[column, value].append(other)
    found = []
    for number, row in enumerate(missing):
        votes: Counter[int] = Counter()
        for column, value in enumerate(row.row):
            others = holders.get((column, value), ())
            if len(others) <= COMMON:
                votes.update(others)
        for other in votes:
            differing = _differing(row.row, extra[other].row)
            same_key = 0 not in differing
            if same_key or 2 * len(differing) <= len(row.row):
                found.append((len(differing), not same_key, number, other))
    return [(number, other) for _, _, number, other in sorted(found)]


def _differing(left: Row, right: Row) -> tuple[int, ...]:
    return tuple(column for column, (a, b) in enumerate(zip(left, right, strict=True)) if a != b)
