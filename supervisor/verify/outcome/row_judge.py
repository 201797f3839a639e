"""What the comparison of a topic's rows found becomes differences: each says what is wrong and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from avro_schemas.columns.column_types import ColumnShape
from supervisor.verify.forms.shown_values import shown
from supervisor.verify.forms.values import Row
from supervisor.verify.matching.pairs import Altered, pair_altered
from supervisor.verify.matching.rows import Extra, Findings, Missing
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import DifferenceKind

LONGEST = 60  #: characters of a value in a sentence; `--json` has all of it
_POSITION = 2  #: values in front of a row that says its partition and offset


class RowJudge:
    """Names what the comparison of a topic's rows found."""

    def __init__(
        self, differences: Differences, topic: str, columns: Sequence[ColumnShape], *, with_position: bool
    ) -> None:
        self._differences = differences
        self._topic = topic
        self._columns = columns
        self._leading = _POSITION if with_position else 0

    def judge(self, findings: Findings, dead: Mapping[int, int], unverifiable: int) -> None:
        """Add the differences.

        dead: {partition: dead letters}; a partition lacks that many rows by right. unverifiable: rows whose messages
        Kafka has deleted; so many rows without a message are no difference (copies of a message always are).
        """
        altered, missing, extra = pair_altered(findings.missing, findings.extra, leading=self._leading)
        lost = findings.missing_count - Counter(pair.missing.partition for pair in altered)
        excused = {p for p, count in dead.items() if count and lost[p] + findings.unreadable_count[p] == count}
        for pair in altered:
            self._altered(pair)
        for row in missing:
            if row.partition not in excused:
                self._missing(row)
        listed = Counter(row.partition for row in missing)
        unlisted = sum(count - listed[p] for p, count in lost.items() if p not in excused)
        self._differences.count(DifferenceKind.MISSING, unlisted)
        for message in findings.unreadable:
            if message.partition not in excused:
                self._differences.add(
                    DifferenceKind.UNREADABLE,
                    f"{self._topic}/{message.partition} offset {message.offset} cannot be decoded: {message.reason}",
                    partition=message.partition,
                    offset=message.offset,
                )
        self._extra(extra, findings, len(altered), unverifiable)

    def _extra(self, extra: Sequence[Extra], findings: Findings, paired: int, unverifiable: int) -> None:
        unmatched = findings.extra_count - findings.copies_count - paired
        old = min(unmatched, unverifiable)
        surplus = unmatched - old
        doubt = f" ({unmatched} rows like this, {old} may be older than the topic's beginning)" if old else ""
        listed_copies = [row for row in extra if row.copies_of]
        listed = [row for row in extra if not row.copies_of][:surplus]
        for row in listed_copies:
            self._copy(row)
        for row in listed:
            self._unmatched(row, doubt)
        unlisted = findings.copies_count - len(listed_copies) + surplus - len(listed)
        self._differences.count(DifferenceKind.EXTRA, unlisted)

    def _altered(self, pair: Altered) -> None:
        at = pair.missing
        changed = [
            (column.name, shown(column, at.row[index]), shown(column, pair.extra.row[index]))
            for index in pair.columns
            for column in [self._columns[index - self._leading]]
        ]
        words = "; ".join(
            f"column {name} is {there!r} in the topic, {here!r} in the table" for name, there, here in changed
        )
        self._differences.add(
            DifferenceKind.ALTERED,
            f"{self._topic}/{at.partition} offset {at.offset} is altered: {words}",
            partition=at.partition,
            offset=at.offset,
            column=", ".join(name for name, _, _ in changed),
            expected={name: there for name, there, _ in changed},
            found={name: here for name, _, here in changed},
        )

    def _missing(self, at: Missing) -> None:
        twins = " (or of a message equal to it)" if at.twins else ""
        self._differences.add(
            DifferenceKind.MISSING,
            f"{self._topic}/{at.partition} offset {at.offset}: the row is missing{twins}: {self._row_text(at.row)}",
            partition=at.partition,
            offset=at.offset,
            expected=self._shown(at.row),
        )

    def _copy(self, extra: Extra) -> None:
        partition, offset = extra.copies_of[0]
        positions = ", ".join(f"{self._topic}/{p} offset {o}" for p, o in extra.copies_of)
        self._differences.add(
            DifferenceKind.EXTRA,
            f"a row more than there are messages like it ({positions}): {self._row_text(extra.row)}",
            partition=partition,
            offset=offset,
            found=self._shown(extra.row),
        )

    def _unmatched(self, extra: Extra, doubt: str) -> None:
        position: dict[str, Any] = {"partition": extra.row[0], "offset": extra.row[1]} if self._leading else {}
        where = f"{self._topic}/{position['partition']} offset {position['offset']}: " if position else ""
        self._differences.add(
            DifferenceKind.EXTRA,
            f"{where}a row that no message of {self._topic} explains{doubt}: {self._row_text(extra.row)}",
            found=self._shown(extra.row),
            **position,
        )

    def _shown(self, row: Row) -> dict[str, Any]:
        return {column.name: shown(column, row[self._leading + n]) for n, column in enumerate(self._columns)}

    def _row_text(self, row: Row) -> str:
        return ", ".join(f"{name}={_short(value)}" for name, value in self._shown(row).items())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
