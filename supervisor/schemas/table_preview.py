"""What the table fitter would do to tables: found out by its own rules, noted, and not done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from avro_schemas.columns.found_table import FoundTable
from infra.provision.accounts import Accounts
from infra.tables.alter_table import Alteration
from infra.tables.change_history import Cause
from infra.tables.future_table import table_changed
from infra.tables.table_session import TableSession, connected
from supervisor.schemas.table_fitter import TableFitter


class TablePreview(TableFitter):
    """Answers as the table fitter would, for tables as they would be by then; writes nothing, no history either.

    It cannot know whether the server itself would refuse a statement, or want to copy the table for it.
    """

    def __init__(self, accounts: Accounts) -> None:
        super().__init__(accounts)
        self.statements: dict[str, list[str]] = {}  #: table -> what would be run, in its order
        self.missing = set[str]()  #: tables that are not there
        self._coming: dict[str, FoundTable] = {}

    def changes(self, table: str) -> bool:
        """Whether the table is not what it would have to be."""
        return table in self.missing or bool(self.statements.get(table))

    def _connected(self, table: str) -> AbstractContextManager[TableSession]:
        def session(*given: Any) -> TableSession:
            return _PreviewSession(self, table, *given)

        return connected(self._account, self._database, table, session)

    def _tell(self, alteration: Alteration, cause: Cause, *, done: bool) -> None:
        """Nothing was done that the log should tell of."""

    def look(self, table: str, found: FoundTable | None) -> FoundTable | None:
        """The table as it would be, for one that is as it was found."""
        if found is None:
            self.missing.add(table)
        return self._coming.get(table, found)

    def alter(self, table: str, found: FoundTable, alteration: Alteration) -> None:
        """Note a statement, and what the table would be after it."""
        self.statements.setdefault(table, []).append(alteration.sql)
        self._coming[table] = table_changed(found, alteration.changes)


class _PreviewSession(TableSession):
    """Looks at the real table, and leaves it as it is."""

    def __init__(self, preview: TablePreview, name: str, *given: Any) -> None:
        super().__init__(*given)
        self._preview = preview
        self._name = name

    def look(self) -> FoundTable | None:
        return self._preview.look(self._name, super().look())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        yield

    def close_open_entries(self) -> None:
        pass

    def alter(self, alteration: Alteration, cause: Cause, *, may_copy: bool) -> bool:  # noqa: ARG002
        found = self.look()
        if found is not None:
            self._preview.alter(self._name, found, alteration)
        return True
