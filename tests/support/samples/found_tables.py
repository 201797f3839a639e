"""Tables as the server would tell of them once CREATE TABLE made them."""

from __future__ import annotations

from typing import Any

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.type_text import type_words
from avro_schemas.tables.layout import TableLayout


def table_of(made: TableLayout, **more: FoundColumn) -> FoundTable:
    """The table that CREATE TABLE gives, as the server would tell it."""
    columns = {str(column.name): found(column) for column in made.table.columns}
    return FoundTable(columns | more, tuple(str(column.name) for column in made.table.primary_key.columns))


def found(column: Any) -> FoundColumn:
    words = type_words(column.type)
    textual = words.startswith(("varchar", "char", "mediumtext"))
    charset = getattr(column.type, "charset", None) or ("utf8mb4" if textual else None)
    return FoundColumn(
        words, bool(column.nullable), charset, charset and f"{charset}_bin", comment=column.comment or ""
    )
