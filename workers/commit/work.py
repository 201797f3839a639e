"""The work of a batch: what it writes beside its offset, and how it may give up."""

from __future__ import annotations

from typing import Protocol

from workers.database.errors import DatabaseTrouble


class NotWritten(Exception):  # noqa: N818 - what it stands for becomes an error where it is known
    """The work gave up in the middle of its transaction, which is rolled back."""


class TooMuch(NotWritten):
    """The server takes the batch neither now nor after some tries: a smaller one may do."""

    def __init__(self, trouble: DatabaseTrouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


class Transaction(Protocol):
    """The open transaction of a batch, as its work sees it."""

    def execute(self, statement: bytes) -> int:
        """Run a statement; rows that it wrote or found. One that the server refuses for its data is undone alone."""

    def load(self, table: str, columns: str, content: bytes) -> tuple[int, int]:
        """Rows by LOAD DATA LOCAL: how many the server wrote, and its warnings. It skips what it should refuse."""


class Work(Protocol):
    """What a batch writes beside its offset. A try may fail and be followed by another, so `run` is called anew."""

    @property
    def rows(self) -> int:
        """Rows that it writes, as far as is known."""

    @property
    def dead(self) -> int:
        """Dead letters that it writes, as far as is known."""

    @property
    def only_statement(self) -> bytes | None:
        """The one statement that is all of the work, if nothing says that the server may refuse it."""

    def run(self, transaction: Transaction) -> None:
        """Write all of it. NotWritten if the work gave up."""

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        """Leave out something of the only message, which is too much for the server. False if nothing is left to."""
