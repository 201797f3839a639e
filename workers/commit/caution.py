"""How much goes into one transaction and one statement, by what the server refused lately; pure."""

from __future__ import annotations

from workers.commit.encoding.row_statements import CAREFUL_ROWS, STATEMENT_ROWS

#: Batches without a row that the server refuses, after which none is expected.
_QUIET = 50
_NO_LIMIT = 1 << 62
#: Batches that go by INSERT after a LOAD DATA that failed: twice as many each time, until one is taken.
_FEWEST_INSERTS, _MOST_INSERTS = 8, 4_096


class Caution:
    """Grows when the server refuses something, and goes away once it has refused nothing for a while."""

    def __init__(self) -> None:
        self.most_messages = _NO_LIMIT  #: that the server takes in one transaction, as far as is known
        self.alike = 0  #: rows that were refused, unknown why, since one was taken
        self._inserts = 0  #: batches until LOAD DATA is tried again
        self._next_inserts = _FEWEST_INSERTS
        self._quiet = _QUIET  #: batches since the server last refused something, counted up to a bound

    @property
    def statement_rows(self) -> int:
        """Most rows of a statement: one with a row that is refused costs its time twice."""
        return CAREFUL_ROWS if self._quiet < _QUIET else STATEMENT_ROWS

    @property
    def loads(self) -> bool:
        """Whether a batch may go by LOAD DATA."""
        return not self._inserts

    def load_failed(self) -> int:
        """It was tried and led to no commit. Batches until it is tried again."""
        self._inserts, self._next_inserts = self._next_inserts, min(_MOST_INSERTS, self._next_inserts * 2)
        return self._inserts

    def too_much(self, messages: int) -> None:
        """A transaction of so many messages was too much: half of them may do, in batches to come, too."""
        self.most_messages, self._quiet = (messages + 1) // 2, 0

    def committed(self, *, server_refused: bool, alike: int, loaded: bool = False) -> None:
        """A transaction is committed; `alike` counts rows that were refused, unknown why, since one was taken.

        `loaded`: LOAD DATA wrote rows of it.
        """
        self.alike = alike
        if loaded:
            self._next_inserts = _FEWEST_INSERTS
        self._inserts = max(0, self._inserts - 1)
        self._quiet = 0 if server_refused else min(_QUIET, self._quiet + 1)
        if self._quiet == _QUIET and self.most_messages < _NO_LIMIT:
            self.most_messages *= 2
