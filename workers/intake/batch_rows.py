"""How many rows a batch gathers: more while the writer is behind, fewer if transactions take long. Pure."""

from __future__ import annotations

from workers.contract.reports import Committed

#: Rows of a batch as long as nothing is known, and the fewest that slow transactions lead to.
_FIRST, _FEWEST = 5_000, 500
#: Seconds in which a transaction is to be done: one that takes longer keeps its locks, and what waits for them, longer.
_LONG = 1.0
#: Batches that the writer has, written or waiting, when it is behind.
_BEHIND = 2


class BatchRows:
    """`rows` is at most the setting. It doubles while the writer is behind; a slow transaction halves it.

    What is behind gains by large transactions: each has a fixed cost, in the client and in the server.
    """

    def __init__(self, most: int) -> None:
        """`most`: the topic's `batch_rows`."""
        self._most = most
        self.rows = min(_FIRST, most)

    def note(self, done: Committed, unwritten: int) -> None:
        """A transaction is committed, and the writer has `unwritten` batches left."""
        if done.seconds > _LONG:
            self.rows = max(min(_FEWEST, self._most), min(self.rows, done.messages) // 2)
        elif unwritten >= _BEHIND and done.messages >= self.rows:
            self.rows = min(self._most, self.rows * 2)
