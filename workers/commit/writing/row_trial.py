"""Which rows the server refuses, and whether for what they are: found out by leaving rows out of the statement.

Each statement undoes only itself, so rows are tried in the transaction of their batch. An error that goes away without
a row is that row's. One that hits every row alike is none of theirs, and makes no dead letter: it is the table's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from rtpipe.mysql.error_numbers import PASSING, UNKNOWN_COLUMN, Action
from workers.commit.encoding.row_statements import Rows
from workers.database.errors import DatabaseTrouble

#: Runs a statement; the number of rows that it found or wrote.
Execute = Callable[[bytes], int]
#: Errors that say nothing of a row: the caller handles them.
_NOT_OF_ROWS = PASSING | {Action.SMALLER}
#: Rows that must be refused, and none be taken, until an error that nobody knows is held to be the table's.
ALIKE = 8


#: Takes rows, the index of a literal among them that is refused for what it is, and why.
Refuse = Callable[[Rows, int, DatabaseTrouble], None]


class RowTrial:
    """One try of the rows of one batch. `judge_doubtful` comes after `write`: only then `refuse` knows each bad row."""

    def __init__(self, table: str, refuse: Refuse, *, alike: int = 0, fresh: bool = False) -> None:
        """`alike`: rows that nobody knew to be bad, refused before this batch since the last one that was taken.

        `fresh`: the table was asked for its columns just now, so an unknown column is not one that went meanwhile.
        """
        self._where = f"table {table}"
        self._refuse = refuse
        self._alike = alike
        self._fresh = fresh
        self._doubtful: list[tuple[Rows, int, DatabaseTrouble]] = []
        self._taking: set[str] = set()  #: statements that took a row
        self.unproven = 0  #: rows refused without knowing that it is their fault
        self.refused_any = False

    @property
    def took_any(self) -> bool:
        """Whether the server took a row."""
        return bool(self._taking)

    def write(self, execute: Execute, part: Rows, some: Sequence[int]) -> None:
        """Write the rows, and find those that the server refuses. Raises what is none of theirs.

        The server may name the row. If that one is taken when it comes alone, the number was of another statement (a
        trigger's), and halving finds the bad rows.
        """
        pending = deque([list(some)])
        blamed: list[int] | None = None
        trusted, samples = True, -1
        while pending:
            now = pending.popleft()
            try:
                execute(part.statement(now))
            except DatabaseTrouble as trouble:
                self._require_of_rows(trouble)
                if len(now) > 1:
                    at = trouble.row - 1 if trusted and 0 < trouble.row <= len(now) else -1
                    blamed = [now[at]] if at >= 0 else None
                    pending.extendleft(reversed(_pieces(now, at)))
                    continue
                self._doubt(part, now[0], trouble)
                if self._all_alike(part):
                    if samples < 0:  # others, from all over the statement, before it is said of all
                        pending, samples = _with_samples_first(pending)
                    elif samples == 0:
                        self.judge_doubtful()
                    samples -= 1
            else:
                self._taking.add(part.prefix)
                trusted = trusted and now != blamed

    def _require_of_rows(self, trouble: DatabaseTrouble) -> None:
        """Raise what leaving out a row does not mend."""
        trouble.at(self._where)
        if trouble.action in _NOT_OF_ROWS or (trouble.number == UNKNOWN_COLUMN and not self._fresh):
            raise trouble
        self.refused_any = True

    def _doubt(self, part: Rows, at: int, trouble: DatabaseTrouble) -> None:
        trouble.hide(part.literals[at])
        if trouble.action is Action.DATA:
            self._refuse(part, at, trouble)
        else:
            self._doubtful.append((part, at, trouble))

    def _all_alike(self, part: Rows) -> bool:
        return part.prefix not in self._taking and self._alike + len(self._doubtful) >= ALIKE

    def judge_doubtful(self) -> None:
        """Judge the rows in doubt: refused while others are taken they are bad; else the table is, which is raised."""
        doubtful, self._doubtful = self._doubtful, []
        for part, at, trouble in doubtful:
            if part.prefix not in self._taking:
                if trouble.action is not Action.UNKNOWN:
                    raise trouble
                if self._alike + len(doubtful) >= ALIKE:
                    trouble.action, trouble.of_table = Action.WAIT, True
                    raise trouble
                self.unproven += 1
            self._refuse(part, at, trouble)


def _pieces(now: list[int], blamed: int) -> list[list[int]]:
    """The halves; or the row that the server named alone, and what stands before and after it."""
    middle = len(now) // 2
    pieces = [now[:blamed], [now[blamed]], now[blamed + 1 :]] if blamed >= 0 else [now[:middle], now[middle:]]
    return [piece for piece in pieces if piece]


def _with_samples_first(pending: deque[list[int]]) -> tuple[deque[list[int]], int]:
    """The last of each piece alone, then the pieces without it; and how many come alone."""
    samples = [piece[-1:] for piece in pending]
    return deque([*samples, *(piece[:-1] for piece in pending if len(piece) > 1)]), len(samples)
