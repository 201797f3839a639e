"""When a batch that is not full is due: the later, the more such batches cost. Pure; runs in the consumer process."""

from __future__ import annotations

#: Of the time from one small batch to the next, the writer is to spend no more than one part in so many, whatever it
#: spends it with: what it waits for is the database's work.
_SHARE = 4
#: Longest time between two batches that their cost may lead to, in seconds.
_LONGEST = 0.5
#: Messages up to which a batch costs about the same: that of its statements and of its COMMIT.
_SMALL = 50
#: How much the newest batch counts in the averages.
_WEIGHT = 0.2


class Linger:
    """A batch waits for `least` seconds, and begins to be written `interval` seconds after the last one at the soonest.

    So a message that comes alone is written at once. With many messages or partitions, on a busy machine, or where the
    database is slow, there are fewer batches, and they are larger. Times are in monotonic seconds.
    """

    def __init__(self, least: float, cpu_share: float) -> None:
        """`least`: seconds, the topic's `linger_ms`; 0: never wait, whatever it costs. `cpu_share`: of a core, what the
        writer may spend on small batches.
        """
        self._least = least
        self._cpu_share = cpu_share
        self._took = self._cpu = 0.0
        self._ended = float("-inf")
        self.interval = 0.0

    def note(self, took: float, cpu: float, messages: int) -> None:
        """A batch of so many messages took the writer so many seconds, of which it computed `cpu` seconds."""
        small = min(1.0, _SMALL / max(1, messages))
        # No batch counts for more than what leads to the longest wait: neither an outage nor the first one, which also
        # reads the schema, says what the next one costs.
        self._took += _WEIGHT * (min(took * small, _LONGEST / _SHARE) - self._took)
        self._cpu += _WEIGHT * (min(cpu * small, _LONGEST * self._cpu_share) - self._cpu)
        if self._least:
            self.interval = max(_SHARE * self._took, self._cpu / self._cpu_share)

    def end(self, now: float) -> None:
        """A batch is complete, and goes to the writer."""
        self._ended = now

    def due(self, since: float) -> float:
        """When a batch whose first message came at `since` is complete, though it is not full."""
        return max(since + self._least, self.next_due)

    @property
    def next_due(self) -> float:
        """When the next batch that is not full is complete, at the soonest."""
        return self._ended + self.interval
