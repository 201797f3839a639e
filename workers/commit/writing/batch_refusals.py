"""Which messages of a batch are no rows, as far as is known; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from workers.commit.work import NotWritten
from workers.contract.refusal import Refusal


class TooManyRefused(NotWritten):
    """More messages cannot be rows than may become dead letters; `index` is that of the first one too many."""

    def __init__(self, index: int, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.index = index
        self.refusal = refusal


class BatchRefusals:
    """Grows as the server refuses rows. `by_index` says why each message is no row, by its index in the batch."""

    def __init__(self, known: Mapping[int, Refusal], *, most: int) -> None:
        """`most`: dead letters that there may be. TooManyRefused if more are `known` than that."""
        if len(known) > most:
            index = sorted(known)[most]
            raise TooManyRefused(index, known[index])
        self.by_index = dict(known)
        self._most = most
        self._aside: Collection[int] = ()

    def add(self, index: int, refusal: Refusal) -> None:
        """One more. TooManyRefused if there may be none."""
        if len(self.by_index) >= self._most:
            raise TooManyRefused(index, refusal)
        self.by_index[index] = refusal

    def set_aside(self, indexes: Collection[int]) -> None:
        """Do not try these messages: each stays the dead letter that it is, whatever it is worth."""
        self._aside = frozenset(indexes)
        for index in self._aside:
            self.by_index.pop(index, None)

    @property
    def left_out(self) -> Collection[int]:
        """The indexes of all messages whose rows are not written."""
        return self.by_index.keys() | self._aside if self._aside else self.by_index.keys()

    def __len__(self) -> int:
        return len(self.by_index) + len(self._aside)
