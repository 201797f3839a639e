"""A connection as the admin's code wants it: answers that are written down beforehand, statements kept as text."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

from sqlalchemy.dialects import mysql


class FakeRows:
    """The answer to one statement: rows, and how many it changed."""

    def __init__(self, rows: list[Any] | None = None, *, changed: int = 0) -> None:
        self._rows = rows or []
        self.rowcount = changed

    def mappings(self) -> FakeRows:
        return self

    def all(self) -> list[Any]:
        return self._rows

    def scalar(self) -> Any:
        return self._rows[0] if self._rows else None


class FakeConnection:
    """`answers`, in order: FakeRows or an exception.

    `said`: statements as MySQL would get them, values filled in, without backticks.
    """

    def __init__(self, *answers: FakeRows | Exception) -> None:
        self.answers = list(answers)
        self.said: list[str] = []
        self.commits = 0
        self.closed = 0

    def execute(self, statement: Any, parameters: Any = None) -> FakeRows:
        compiled = statement.compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": parameters is None})
        self.said.append(" ".join(str(compiled).replace("`", "").split()) + (f" {parameters}" if parameters else ""))
        return self._next()

    def exec_driver_sql(self, statement: str, parameters: Any = None) -> FakeRows:
        self.said.append(statement % parameters if parameters else statement)
        return self._next() if self.answers and isinstance(self.answers[0], Exception) else FakeRows()

    def commit(self) -> None:
        self.commits += 1

    def close(self) -> None:
        self.closed += 1

    @property
    def session(self) -> Any:
        """What `open_session` returns."""
        asks = functools.partial(self.exec_driver_sql, "is it read only?")
        return SimpleNamespace(connection=self, close=self.close, require_writable=asks)

    def _next(self) -> FakeRows:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
