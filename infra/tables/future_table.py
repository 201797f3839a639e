"""A table as the server will describe it once planned statements are run: what comes next is planned upon it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.types import JSON, String

from avro_schemas.columns.column_types import KEY_COLLATION
from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.key_columns import key_collation
from avro_schemas.columns.type_text import OUR_COLLATION, type_words
from avro_schemas.tables.changes import AddColumn, Change, DropColumn, MakeNullable, Rename, Widen
from infra.tables.column_definitions import with_null, with_type
from infra.tables.ddl import column_sql, type_sql
from rtpipe.mysql.quoting import quoted


def table_made(table: Table, *, mariadb: bool, json_depth: int) -> FoundTable:
    """What CREATE TABLE makes."""
    columns = {str(column.name): _made(column, mariadb=mariadb) for column in table.columns}
    key = tuple(str(column.name) for column in table.primary_key.columns)
    return FoundTable(columns, key, json_depth=json_depth, mariadb=mariadb)


def table_changed(table: FoundTable, changes: Sequence[Change]) -> FoundTable:
    """What these changes make of a table."""
    columns = dict(table.columns)
    for change in changes:
        match change:
            case AddColumn():
                added = Column(change.column, change.type, nullable=True, comment=change.comment, quote=True)
                columns[change.column] = _made(added, mariadb=table.mariadb)
            case MakeNullable():
                found = columns[change.column]
                columns[change.column] = dataclasses.replace(
                    found, nullable=True, definition=with_null(found.definition)
                )
            case Widen():
                columns[change.column] = _widened(columns[change.column], change)
            case Rename():
                columns = {change.new if name == change.column else name: one for name, one in columns.items()}
            case DropColumn():
                del columns[change.column]
    return dataclasses.replace(table, columns=columns)


def _made(column: Column[Any], *, mariadb: bool) -> FoundColumn:
    kind = column.type
    is_text = isinstance(kind, String) or (mariadb and isinstance(kind, JSON))
    collation = (getattr(kind, "collation", None) or OUR_COLLATION) if is_text else None
    if collation == KEY_COLLATION:
        collation = key_collation(mariadb=mariadb)
    return FoundColumn(
        type_words(kind),
        bool(column.nullable),
        (getattr(kind, "charset", None) or "utf8mb4") if is_text else None,
        collation,
        None if column.server_default is None else "0",  # of `_deleted` alone
        "",
        column.comment or "",
        column_sql(column, mariadb=mariadb).removeprefix(quoted(str(column.name))).strip(),
    )


def _widened(found: FoundColumn, change: Widen) -> FoundColumn:
    definition = with_type(found.definition, type_sql(change.type).partition(" CHARACTER SET ")[0])
    return dataclasses.replace(found, type=type_words(change.type), definition=definition)
