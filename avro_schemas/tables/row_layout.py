"""What rows of one schema are written by: names and shapes of columns, without the table that SQLAlchemy knows."""

from __future__ import annotations

from dataclasses import dataclass

from avro_schemas.columns.column_types import ColumnShape


@dataclass(frozen=True, slots=True)
class RowLayout:
    """The columns of a table that rows go to. `columns` are in the order of the schema's fields."""

    name: str  #: of the table
    columns: tuple[ColumnShape, ...]
    metadata: tuple[str, ...]  #: names of the metadata columns, in the order of the table; they follow `columns`
    key: tuple[str, ...]  #: names of the columns that a row is updated and deleted by; (): rows are inserted only
    others: tuple[str, ...] = ()  #: columns of other versions of the schema: an update sets them to their default

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that a row fills, in the order of its values."""
        return (*(column.name for column in self.columns), *self.metadata)

    def rows(self) -> RowLayout:
        """The same without what a subclass adds."""
        return RowLayout(self.name, self.columns, self.metadata, self.key, self.others)
