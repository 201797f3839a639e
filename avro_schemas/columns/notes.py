"""What people should know about the columns of a topic: one sentence for each column."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.dialects.mysql import FLOAT

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.user_limits import counts, limits


def losses(columns: Sequence[ColumnShape]) -> dict[str, str]:
    """User column -> which values it refuses, or may change if the settings allow it."""
    return {column.name: told for column in columns if (told := _loss(column))}


def _loss(column: ColumnShape) -> str:
    user = column.user_column
    if user is None:
        return ""
    refused, name = limits(column, user), f"column {column.name} {user.words}"
    if column.lossy:
        return f"{name}: may change {refused or 'values'} (lossy)"
    number = f"takes {column.of.logical} as the number that it is and " if counts(column, user) else ""
    return f"{name}: {number}refuses {refused}" if refused else ""


def float_notes(columns: Sequence[ColumnShape]) -> list[str]:
    """A FLOAT stores a value exactly and does not show it exactly."""
    return [
        f"column {column.name} float: a plain SELECT shows six digits of a value that is stored exactly;"
        f' columns.{column.field}.mysql = "DOUBLE", and ALTER TABLE where the table is there, shows them all'
        for column in columns
        if (column.user_column.name == "float" if column.user_column else isinstance(column.type, FLOAT))
    ]
