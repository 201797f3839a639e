"""Columns that say where a row came from, beside those of the schema's fields; all off unless asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table, text
from sqlalchemy.dialects.mysql import BIGINT, DATETIME, INTEGER, JSON, MEDIUMBLOB, TINYINT
from sqlalchemy.types import Integer, TypeEngine

from avro_schemas.columns.found_table import FoundColumn
from avro_schemas.columns.user_column import user_column
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SettingsError

#: The two that name one message; together they are the primary key where a topic has no other.
PARTITION_COLUMN, OFFSET_COLUMN = "_kafka_partition", "_kafka_offset"
TIMESTAMP_COLUMN, SCHEMA_COLUMN = "_kafka_timestamp", "_schema_id"
KEY_COLUMN, HEADERS_COLUMN = "_kafka_key", "_kafka_headers"
#: 1 once a tombstone came, with `tombstones = "soft_delete"`; it is there by that setting alone.
DELETED_COLUMN = "_deleted"

POSITION = (PARTITION_COLUMN, OFFSET_COLUMN)
#: All of them, in the order of the table. A field of such a name gets another column name even where they are off.
METADATA_TYPES: Mapping[str, Callable[[], TypeEngine[Any]]] = {
    PARTITION_COLUMN: INTEGER,
    OFFSET_COLUMN: BIGINT,
    TIMESTAMP_COLUMN: lambda: DATETIME(fsp=3),
    SCHEMA_COLUMN: INTEGER,
    KEY_COLUMN: MEDIUMBLOB,
    HEADERS_COLUMN: JSON,
    DELETED_COLUMN: lambda: TINYINT(display_width=1),
}
#: Those that no message lacks.
_NOT_NULL = frozenset({*POSITION, SCHEMA_COLUMN, DELETED_COLUMN})


def metadata_of(rules: TableRules, *, has_fields: bool) -> tuple[str, ...]:
    """The metadata columns of a table, in its order. SettingsError if the rules ask for others than there are."""
    wanted = set(rules.metadata) | (set() if has_fields else set(POSITION))
    if rules.tombstones == "soft_delete":
        wanted.add(DELETED_COLUMN)
    elif DELETED_COLUMN in wanted:
        raise SettingsError(f'metadata column {DELETED_COLUMN}: it comes with tombstones = "soft_delete" alone')
    if unknown := wanted - METADATA_TYPES.keys():
        known = ", ".join(name for name in METADATA_TYPES if name != DELETED_COLUMN)
        raise SettingsError(f"metadata columns: there is no {', '.join(sorted(unknown))}; there are {known}")
    if len(wanted & set(POSITION)) == 1:
        raise SettingsError(f"metadata columns: {PARTITION_COLUMN} and {OFFSET_COLUMN} go together")
    return tuple(name for name in METADATA_TYPES if name in wanted)


def metadata_column(name: str) -> Column[Any]:
    """A fresh column."""
    return Column(
        name,
        METADATA_TYPES[name](),
        nullable=name not in _NOT_NULL,
        autoincrement=False,
        server_default=text("0") if name == DELETED_COLUMN else None,
        quote=True,
    )


def holds_metadata(found: FoundColumn, name: str) -> bool:
    """Whether a column that is there takes what rtpipe writes into it as it is, or refuses it."""
    there, wanted = user_column(found), METADATA_TYPES[name]()
    if isinstance(wanted, Integer):
        return there.kind == "integer"
    if isinstance(wanted, DATETIME):
        return there.kind in {"datetime", "timestamp"} and there.digits >= (wanted.fsp or 0)
    if isinstance(wanted, JSON):
        return there.kind == "json" or there.name in {"text", "mediumtext", "longtext"}
    return there.name in {"mediumblob", "longblob"}


def keyed(table: Table) -> Table:
    """The same table with partition and offset as its primary key, for a server that demands one."""
    made = table.to_metadata(MetaData())
    for name in POSITION:
        if name not in made.columns:
            made.append_column(metadata_column(name))
    made.append_constraint(PrimaryKeyConstraint(*POSITION))
    return made
