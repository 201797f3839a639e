"""What a fault test did, counted where it is done: for the table that `make faults` prints."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Of the test that runs now."""

    rows: int = 0  #: compared with their messages, one by one
    hits: int = 0  #: faults that hit: kill -9, statements and connections broken, and the like
    recoveries: list[float] = field(default_factory=list)  #: seconds from the end of each fault to the next commit

    def clear(self) -> None:
        self.rows = self.hits = 0
        self.recoveries = []


TALLY = Tally()
