"""Avro record schema -> the table that holds its rows, as objects: nothing here talks to a database.

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
from avro_schemas.field_types import FieldReader, FieldType
from avro_schemas.naming import column_names

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


def table_layout(schema: Mapping[str, Any], *, table: str, metadata_columns: Sequence[str] = ()) -> TableLayout:
    """The layout of `table` for the rows of `schema`, an Avro record schema as parsed JSON.

    `metadata_columns` may be `_kafka_partition` and `_kafka_offset`, which go together (SettingsError otherwise).
    SchemaError names every field that is invalid or has no column, or says by how much a row is too wide.
    """
    metadata = _metadata(metadata_columns)
    fields = _fields(schema, table)
    types = _field_types(schema, fields, table)
    names = column_names([field["name"] for field in fields])
    fitted = row_budget.fit(
        table,
        [*map(column_type, types), *(_METADATA_TYPES[name]() for name in metadata)],
        nullable=sum(found.nullable for found in types),
    )
    columns = tuple(
        _shape(field, names[field["name"]], found, fits)
        for field, found, fits in zip(fields, types, fitted, strict=False)
    )
    warnings = tuple(warning for found in types for warning in found.warnings)
    comment = _comment(schema.get("doc"), MAX_TABLE_COMMENT)
    return TableLayout(table, columns, _table(table, columns, metadata, comment), metadata, warnings)


def _metadata(names: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(name for name in _METADATA_TYPES if name in names)
    if set(names) - set(wanted) or len(wanted) not in {0, len(_METADATA_TYPES)}:
        raise SettingsError(
            f"metadata columns {', '.join(names)}: {PARTITION_COLUMN} and {OFFSET_COLUMN} exist, and go together"
        )
    return wanted


def _fields(schema: Mapping[str, Any], table: str) -> list[Mapping[str, Any]]:
    """The record's fields, each an object with a name and a type, no name twice."""
    kind = schema.get("type") if isinstance(schema, Mapping) else schema
    if kind != "record":
        raise SchemaError(f"schema of {table!r}: a topic needs a record, not {kind!r}", hint=_HINT)
    fields = schema.get("fields")
    if not isinstance(fields, list) or not fields:
        raise SchemaError(
            f"schema of {table!r}: the record needs an array `fields` with at least one field", hint=_HINT
        )
    problems, seen = [], set()
    for number, field in enumerate(fields, 1):
        name = field.get("name") if isinstance(field, Mapping) else None
        if not isinstance(name, str) or not name:
            problems.append(f"field {number} has no name")
        elif name in seen:
            problems.append(f"field {name!r} is there twice")
        elif "type" not in field:
            problems.append(f"field {name!r} has no type")
        seen.add(name)
    _refuse(table, problems)
    return fields


def _field_types(schema: Mapping[str, Any], fields: Sequence[Mapping[str, Any]], table: str) -> list[FieldType]:
    reader, types, problems = FieldReader(schema), [], []
    for field in fields:
        try:
            types.append(reader.read(field))
        except SchemaError as error:
            problems.append(error.message)
    _refuse(table, problems)
    return types


def _refuse(table: str, problems: Sequence[str]) -> None:
    if problems:
        raise SchemaError(f"schema of {table!r}: " + "\n  ".join(problems), hint=_HINT)


def _shape(field: Mapping[str, Any], name: str, found: FieldType, fits: TypeEngine[Any]) -> ColumnShape:
    doc = field.get("doc")
    if name != field["name"]:
        doc = f"Avro field {field['name']}" + (f": {doc}" if isinstance(doc, str) else "")
    return ColumnShape(
        field=field["name"],
        name=name,
        avro_type=found.avro_type,
        logical=found.logical,
        nullable=found.nullable,
        branches=found.branches,
        null_index=found.null_index,
        precision=found.precision,
        scale=found.scale,
        size=found.size,
        type=fits,
        comment=_comment(doc, MAX_COLUMN_COMMENT),
    )


def _comment(doc: Any, most: int) -> str | None:
    if not isinstance(doc, str) or not doc:
        return None
    return doc if len(doc) <= most else doc[: most - 3] + "..."


def _table(name: str, columns: Sequence[ColumnShape], metadata: Sequence[str], comment: str | None) -> Table:
    return Table(
        name,
        MetaData(),
        *(
            Column(shape.name, shape.type, nullable=shape.nullable, comment=shape.comment, quote=True)
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
