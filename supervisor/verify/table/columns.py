"""Which columns of a table `rtpipe verify --values` compares, and where each schema's fields are among them.

A field may be in a column of another name or a wider type (docs/schemas.md, evolution): found by the rules that the
writer goes by, in the table as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from avro_schemas.columns.column_types import ColumnShape, column_type
from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.type_text import type_words
from avro_schemas.tables.evolution import landings
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.lineage import lineage_of
from avro_schemas.tables.rules import TableRules
from rtpipe.mysql.quoting import unescaped
from supervisor.verify.forms.table_values import from_table
from supervisor.verify.forms.values import Row, Value, from_message


class TableColumns:
    """The columns of a topic's table that fields of any version of its schema are in."""

    def __init__(self, schemas: Sequence[Any], table: str, found: FoundTable | None, rules: TableRules) -> None:
        """`schemas`: all versions that are known, the oldest first; `found`: None for what is no base table."""
        self._name = table
        self._found = found
        self._rules = rules
        self._lineage = lineage_of(schemas, table, rules)
        self.newest = table_layout(
            schemas[-1], table=table, rules=rules
        )  #: of the newest schema, in a table of its own
        self._chosen: dict[str, ColumnShape] = {}
        for schema in schemas:
            for shape in self.of(schema):
                self._choose(shape)
        self.columns = tuple(column for column in self._chosen.values() if not column.lossy)
        #: Columns that may change values, as the settings say, so there is nothing to compare.
        self.lossy = tuple(column.name for column in self._chosen.values() if column.lossy)
        self._defaults = {column.name: self._default(column) for column in self.columns}

    def of(self, schema: Any) -> Sequence[ColumnShape]:
        """The columns that this schema's fields are in. SchemaError if it is no valid schema."""
        layout = table_layout(schema, table=self._name, rules=self._rules)
        if self._found is None:
            return layout.columns
        return landings(layout, self._found, self._rules, lambda: self._lineage)

    def reader(self, schema: Any) -> Callable[[dict[str, Any]], Row]:
        """How a record of this schema becomes a row of `columns`."""
        return from_message(self.of(schema), self.columns, self._defaults, nonfinite=self._rules.nonfinite)

    def _choose(self, shape: ColumnShape) -> None:
        """Values are compared in the form of the version whose own type the column has, else of the newest."""
        there = self._chosen.get(shape.name)
        if there is None or there.narrow or not self._is_own(there):
            self._chosen[shape.name] = shape

    def _is_own(self, shape: ColumnShape) -> bool:
        """Whether the column has the very type that this version's field asks for."""
        if self._found is None:
            return False
        return type_words(column_type(shape.of, nanos=self._rules.nanos)) == self._found.columns[shape.name].type

    def _default(self, column: ColumnShape) -> Value:
        """What a row has that does not name the column."""
        written = self._found.columns[column.name].default if self._found is not None else None
        if written is None:
            return None
        text = unescaped(written[1:-1]) if written.startswith("'") else written
        return from_table([column])([text])[0]
