"""The differences that `rtpipe verify` found: the first ones of each kind listed, all counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

from supervisor.verify.outcome.report import Difference, DifferenceKind


class Differences:
    """A topic's differences: the first `most` of each kind listed, all counted."""

    def __init__(self, topic: str, most: int) -> None:
        self._topic = topic
        self._most = most
        self._listed: dict[DifferenceKind, list[Difference]] = {kind: [] for kind in DifferenceKind}
        self.counts: Counter[DifferenceKind] = Counter()

    def add(self, kind: DifferenceKind, text: str, **where: Any) -> None:
        """One more; `where` are the fields of Difference."""
        self.count(kind)
        if len(self._listed[kind]) < self._most:
            self._listed[kind].append(Difference(kind, self._topic, text, **where))

    def count(self, kind: DifferenceKind, more: int = 1) -> None:
        """Differences that nobody lists."""
        if more > 0:
            self.counts[kind] += more

    @property
    def listed(self) -> tuple[Difference, ...]:
        """By kind, in the order of DifferenceKind."""
        return tuple(difference for kind in DifferenceKind for difference in self._listed[kind])
