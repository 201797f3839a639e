"""Runs in the writer process: tells the log of dead letters and of altered values."""

from __future__ import annotations

import time
from collections import Counter

from rtpipe.log import get_logger
from workers.contract.partition_spec import PartitionSpec

log = get_logger("writer")
#: Seconds between two lines of a kind.
_QUIET = 10.0


class DeadLetterLog:
    """Tells of dead letters and of altered values, at most a line of each every ten seconds."""

    def __init__(self, spec: PartitionSpec) -> None:
        self._spec = spec
        self._unlogged: Counter[str] = Counter()
        self._altered = 0
        self._logged_at = -_QUIET

    def add(self, names: Counter[str], altered: int = 0) -> None:
        """Some were written."""
        self._unlogged += names
        self._altered += altered

    def tell_if_due(self) -> None:
        """Say how many, and of what kinds, if it is time."""
        if (self._unlogged or self._altered) and time.monotonic() - self._logged_at >= _QUIET:
            self.tell()

    def tell(self) -> None:
        """Say what was not said yet: nothing of it may be lost when the writer leaves."""
        self._logged_at = time.monotonic()
        if self._altered:
            text = "W_ALTERED %s: lossy columns changed %d values"
            extra = {"event": "values_altered", "partition": str(self._spec.key), "altered": self._altered}
            log.warning(text, self._spec.key, self._altered, extra=extra)
            self._altered = 0
        if self._unlogged:
            kinds = ", ".join(f"{count} {name}" for name, count in sorted(self._unlogged.items()))
            extra = {"event": "dead_letters", "partition": str(self._spec.key), "dead": self._unlogged.total()}
            log.warning("W_DEAD_LETTERS %s: %s", self._spec.key, kinds, extra=extra)
            self._unlogged.clear()
