"""The open transaction of a batch, as its work sees it: the statements between the offset and the COMMIT."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from workers import kill_points
from workers.database.errors import DatabaseTrouble
from workers.database.session import DatabaseSession

_T = TypeVar("_T")


class OpenTransaction:
    """All statements go over the session that has moved the offset. They raise DatabaseTrouble."""

    def __init__(self, session: DatabaseSession, sign_of_life: Callable[[], None]) -> None:
        self._session = session
        self._sign_of_life = sign_of_life
        self.refused = False  #: the server refused a statement

    def execute(self, statement: bytes) -> int:
        """Run a statement that holds its values; rows that it wrote or found."""
        return self._done(lambda: self._session.execute(statement))

    def load(self, table: str, columns: str, content: bytes) -> tuple[int, int]:
        """Rows by LOAD DATA LOCAL: how many the server wrote, and its warnings."""
        return self._done(lambda: self._session.load(table, columns, content))

    def _done(self, statement: Callable[[], _T]) -> _T:
        try:
            found = statement()
        except DatabaseTrouble:
            self.refused = True
            raise
        finally:
            self._sign_of_life()
        kill_points.reach("writer:mid_insert")
        return found
