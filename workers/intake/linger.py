"""How long a batch that is not full waits for more messages: longer where batches cost more. Pure; consumer process."""

from __future__ import annotations

#: Of the time from one small batch to the next, the writer is to spend no more than one part in so many.
_SHARE = 10
#: Longest wait that batches which cost much may lead to, in seconds.
_LONGEST = 0.5
#: Messages up to which a batch costs about the same: that of its statements and of its COMMIT.
_SMALL = 50
#: How much the newest batch counts in the average.
_WEIGHT = 0.2


class Linger:
    """`seconds` is at least the setting, and grows with what a small batch takes to write.

    While commits are quick, a message is written soon. On a busy machine or a slow database they take longer, so
    batches gather longer, and there are fewer of them.
    """

    def __init__(self, least: float) -> None:
        """`least`: seconds, the topic's `linger_ms`; 0: never wait, whatever it costs."""
        self._least = least
        self._took = 0.0
        self.seconds = least

    def note(self, took: float, messages: int) -> None:
        """A batch of so many messages took the writer so many seconds."""
        fixed = min(took * min(1.0, _SMALL / max(1, messages)), _LONGEST / (_SHARE - 1))  # an outage is no cost
        self._took += _WEIGHT * (fixed - self._took)
        if self._least:
            self.seconds = max(self._least, (_SHARE - 1) * self._took)
