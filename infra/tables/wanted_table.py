"""A table that is to be there, and how the one that is there differs from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Table

from avro_schemas.columns.found_table import UnusableTableError
from avro_schemas.tables.differences import differences, evolved, key_differences
from avro_schemas.tables.layout import TableLayout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.metadata_columns import keyed
from avro_schemas.tables.rules import PLAIN, TableRules
from infra.tables.table_look import found_table


@dataclass(frozen=True, slots=True)
class WantedTable:
    """`layout`: that of a topic's table; its lineage tells what rtpipe may have made of it since."""

    table: Table
    rules: TableRules = PLAIN
    layout: TableLayout | None = None
    lineage: Callable[[], Lineage] = Lineage

    def keyed(self) -> WantedTable:
        """The same with partition and offset as its primary key."""
        return replace(self, table=keyed(self.table))

    def differences(self, connection: Connection, database: str) -> list[str] | None:
        """How the table that is there differs, a line each; None if there is none."""
        try:
            found = found_table(connection, database, self.table.name)
        except UnusableTableError as error:
            return [error.message, error.hint]
        if found is None:
            return None
        lines = differences(self.table, found)
        if self.layout is None:
            return lines
        if lines:
            lines = differences(self.table, found, evolved(self.layout, found, self.rules, self.lineage()))
        return [*lines, *key_differences(self.layout, found)]
