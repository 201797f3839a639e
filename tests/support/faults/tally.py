"""What a fault test did, counted where it is done: for the table that `make faults` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Of the test that runs now."""

    hits: int = 0  #: faults that hit, as their effect shows: processes killed, statements broken, partitions halted
    rows: int = 0  #: messages that were compared with rows, one by one
    lost: int = 0  #: messages that have no row
    doubled: int = 0  #: rows that have no message, or more rows than messages
    recoveries: list[float] = field(default_factory=list)  #: seconds from the end of each fault to the next commit

    def clear(self) -> None:
        """Another test begins."""
        self.hits = self.rows = self.lost = self.doubled = 0
        self.recoveries = []

    def hit(self, times: int = 1) -> None:
        """A fault did what it was meant to: called where that is seen, never where a fault is only asked for."""
        self.hits += times

    def compare(self, messages: Iterable[Hashable], rows: Iterable[Hashable]) -> int:
        """How many messages there are, each with an equal row and each row with an equal message; fails otherwise."""
        wanted, found = Counter(messages), Counter(rows)
        lost, doubled = wanted - found, found - wanted
        self.rows += wanted.total()
        self.lost += lost.total()
        self.doubled += doubled.total()
        assert not lost, f"{lost.total()} of {wanted.total()} messages have no row: {list(lost)[:3]}"
        assert not doubled, f"{doubled.total()} of {found.total()} rows have no message: {list(doubled)[:3]}"
        return wanted.total()


TALLY = Tally()
