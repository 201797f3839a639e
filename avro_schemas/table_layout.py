"""Avro schema -> the table that holds its rows, as objects: nothing here talks to a database.

Text is utf8mb4 with the collation utf8mb4_bin: the only one that both servers have in every supported version and
that keeps every pair of different strings apart (the defaults hold 'abc' and 'ABC' for equal). It still pads with
spaces when it compares, which matters to keys alone, and no string is a key here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table
from sqlalchemy.dialects.mysql import BIGINT, INTEGER
from sqlalchemy.types import TypeEngine

from avro_schemas import row_budget
from avro_schemas.column_types import ColumnShape, column_type
from avro_schemas.errors import SchemaError, SettingsError
from avro_schemas.field_types import FieldType
from avro_schemas.naming import column_names
from avro_schemas.type_reader import RecordSchema, read_record

#: The two columns that say where a row came from; together they are the primary key.
PARTITION_COLUMN, OFFSET_COLUMN = "_kafka_partition", "_kafka_offset"
_METADATA_TYPES: dict[str, type[TypeEngine[Any]]] = {PARTITION_COLUMN: INTEGER, OFFSET_COLUMN: BIGINT}

#: Most characters of a comment on a column and on a table.
MAX_COLUMN_COMMENT, MAX_TABLE_COMMENT = 1_024, 2_048
_HINT = "docs/schemas.md says which types have a column"


@dataclass(frozen=True, slots=True)
class TableLayout:
    """The table of one topic. `columns` are in the order of the schema's fields, `metadata` columns follow them."""

    name: str
    columns: tuple[ColumnShape, ...]
    table: Table
    metadata: tuple[str, ...]  #: names of the metadata columns, in the order of the table
    warnings: tuple[str, ...]  #: what of the schema was ignored; whoever plans the topic logs them, once


def table_layout(schema: Any, *, table: str, metadata_columns: Sequence[str] = ()) -> TableLayout:
    """The layout of `table` for the rows of `schema`, an Avro schema as parsed JSON; one that is no record gives one
    column, `value`.

    `metadata_columns` may be `_kafka_partition` and `_kafka_offset`, which go together (SettingsError otherwise).
    SchemaError names every field that is invalid or has no column, or says by how much a row is too wide.
    """
    record = _read(schema, table)
    metadata = _metadata(metadata_columns if record.fields else tuple(_METADATA_TYPES))
    names = column_names([field["name"] for field, _ in record.fields])
    fitted = row_budget.fit(
        table,
        [*(column_type(found) for _, found in record.fields), *(_METADATA_TYPES[name]() for name in metadata)],
        nullable=sum(found.nullable for _, found in record.fields),
    )
    columns = tuple(
        ColumnShape(
            field=field["name"],
            name=names[field["name"]],
            of=found,
            type=fits,
            comment=_column_comment(field, names[field["name"]], found),
            records=record.records,
        )
        for (field, found), fits in zip(record.fields, fitted, strict=False)
    )
    warnings = [warning for _, found in record.fields for warning in found.warnings]
    if not record.fields and not metadata_columns:
        warnings.append(f"the record has no field, so its table has {PARTITION_COLUMN} and {OFFSET_COLUMN}")
    comment = _comment(schema.get("doc") if isinstance(schema, Mapping) else None, MAX_TABLE_COMMENT)
    return TableLayout(table, columns, _table(table, columns, metadata, comment), metadata, tuple(warnings))


def _metadata(names: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(name for name in _METADATA_TYPES if name in names)
    if set(names) - set(wanted) or len(wanted) not in {0, len(_METADATA_TYPES)}:
        raise SettingsError(
            f"metadata columns {', '.join(names)}: {PARTITION_COLUMN} and {OFFSET_COLUMN} exist, and go together"
        )
    return wanted


def _read(schema: Any, table: str) -> RecordSchema:
    try:
        return read_record(schema)
    except SchemaError as error:
        raise SchemaError(f"schema of {table!r}: {error.message}", hint=_HINT) from error


def _column_comment(field: Mapping[str, Any], column: str, found: FieldType) -> str | None:
    parts = [f"Avro field {field['name']}" if column != field["name"] else "", field.get("doc")]
    if (found.logical or "").endswith("timestamp-nanos"):
        zone = "of local time" if found.logical == "local-timestamp-nanos" else "UTC"
        parts.append(f"nanoseconds since 1970-01-01 00:00:00 {zone}")
    return _comment(": ".join(part for part in parts if isinstance(part, str) and part), MAX_COLUMN_COMMENT)


def _comment(doc: Any, most: int) -> str | None:
    if not isinstance(doc, str) or not doc:
        return None
    return doc if len(doc) <= most else doc[: most - 3] + "..."


def _table(name: str, columns: Sequence[ColumnShape], metadata: Sequence[str], comment: str | None) -> Table:
    return Table(
        name,
        MetaData(),
        *(
            Column(shape.name, shape.type, nullable=shape.of.nullable, comment=shape.comment, quote=True)
            for shape in columns
        ),
        *(Column(key, _METADATA_TYPES[key](), nullable=False, autoincrement=False, quote=True) for key in metadata),
        *([PrimaryKeyConstraint(*metadata)] if metadata else []),
        comment=comment,
        quote=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
