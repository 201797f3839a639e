"""Avro schema and a topic's rules -> the table that holds its rows, as objects: nothing here talks to a database.

Text is utf8mb4 with the collation utf8mb4_bin: the only one that both servers have in every supported version and
that keeps every pair of different strings apart (the defaults hold 'abc' and 'ABC' for equal). It pads with spaces
when it compares, which matters to keys alone: theirs is utf8mb4_0900_bin, for which infra/tables/ddl.py writes
MariaDB's word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.names import forbidden_names
from avro_schemas.avro.type_reader import RecordSchema, read_record
from avro_schemas.columns.column_types import NANOS_COMMENT, ColumnShape, column_type, key_type
from avro_schemas.columns.override import override_type
from avro_schemas.columns.type_text import OUR_COLLATION
from avro_schemas.naming import column_names
from avro_schemas.tables import row_budget
from avro_schemas.tables.metadata_columns import METADATA_TYPES, POSITION, metadata_column, metadata_of
from avro_schemas.tables.overflow import is_named_by_rules, overflowing, warnings_of
from avro_schemas.tables.row_layout import RowLayout
from avro_schemas.tables.rules import PLAIN, TableRules
from rtpipe.errors import SchemaError, SettingsError

#: Most characters of a comment on a column and on a table.
MAX_COLUMN_COMMENT, MAX_TABLE_COMMENT = 1_024, 2_048
_HINT = "docs/schemas.md says which types have a column"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout(RowLayout):
    """The table of one topic, as DDL makes it."""

    table: Table
    warnings: tuple[str, ...]  #: what of the schema was ignored; whoever plans the topic logs them, once


def table_layout(schema: Any, *, table: str, rules: TableRules = PLAIN) -> TableLayout:
    """The layout of `table` for the rows of `schema`, an Avro schema as parsed JSON; one that is no record gives one
    column, `value`.

    SchemaError names every field that is invalid or has no column, or says by how much a row is too wide.
    SettingsError if the rules are not for such a schema: a key column that is none of its fields, an unknown type.
    """
    record = _read(schema, table)
    every = list(_parts(record, rules.flatten))
    parts = [part for part in every if _wanted(part.field, rules)]
    metadata = metadata_of(rules, has_fields=bool(parts))
    shapes = _shapes(parts, record, rules, table)
    key = _key(shapes, rules, table)
    shapes = overflowing(shapes, rules, lambda some: _fitted(some, metadata, rules, table))
    columns = tuple(_fitted(shapes, metadata, rules, table))
    warnings = [
        *(warning for part in parts for warning in part.of.warnings),
        *_strangers(every, rules),
        *forbidden_names(schema),
        *warnings_of(columns),
    ]
    if not parts and not rules.metadata:
        warnings.append(f"the record has no field, so its table has {' and '.join(POSITION)}")
    comment = _comment(schema.get("doc") if isinstance(schema, Mapping) else None, MAX_TABLE_COMMENT)
    primary = key or tuple(name for name in POSITION if name in metadata)
    made = _table(table, columns, metadata, primary, comment)
    return TableLayout(table, columns, metadata, key, table=made, warnings=tuple(warnings))


def _fitted(
    shapes: Sequence[ColumnShape], metadata: Sequence[str], rules: TableRules, table: str
) -> Iterator[ColumnShape]:
    """The columns with the types that a row has room for. SchemaError if it has none for any."""
    fitted = row_budget.fit(
        table,
        [*(shape.type for shape in shapes), *(METADATA_TYPES[name]() for name in metadata)],
        nullable=sum(shape.nullable for shape in shapes),
        keep={number for number, shape in enumerate(shapes) if is_named_by_rules(shape, rules)},
    )
    return (dataclasses.replace(one, type=fits) for one, fits in zip(shapes, fitted, strict=False))


def with_columns(
    layout: TableLayout, columns: Sequence[ColumnShape], metadata: Sequence[str], others: Sequence[str] = ()
) -> TableLayout:
    """The layout with other columns: those that the table has for the same fields."""
    primary = [str(column.name) for column in layout.table.primary_key.columns]
    has = {*(column.name for column in columns), *metadata}
    made = _table(layout.name, columns, metadata, primary if has.issuperset(primary) else (), layout.table.comment)
    return dataclasses.replace(
        layout, columns=tuple(columns), table=made, metadata=tuple(metadata), others=tuple(others)
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A field that becomes a column: one of the record, or of a record inside it that is flattened."""

    path: tuple[str, ...]
    of: FieldType
    nullable: bool
    doc: Any
    default: Any = None

    @property
    def field(self) -> str:
        return ".".join(self.path)


def _parts(record: RecordSchema, levels: int) -> Iterator[_Part]:
    for field, found in record.fields:
        yield from _flat(_Part((field["name"],), found, found.nullable, field.get("doc"), field.get("default")), levels)


def _flat(part: _Part, levels: int) -> Iterator[_Part]:
    """The parts of a flattened record; a recursive one, or one without fields, stays whole."""
    if levels < 1 or part.of.avro_type != "record" or not part.of.fields:
        yield part
        return
    for name, inner in part.of.fields:
        yield from _flat(_Part((*part.path, name), inner, part.nullable or inner.nullable, None), levels - 1)


def _wanted(field: str, rules: TableRules) -> bool:
    """Whether the rules let the field in; the name of a flattened record stands for all its fields."""
    names = {field, field.partition(".")[0]}
    return not names & set(rules.exclude) and (not rules.include or bool(names & set(rules.include)))


def _strangers(parts: Sequence[_Part], rules: TableRules) -> Iterator[str]:
    """Settings for fields that are not there: misspelt, or of another version of the schema."""
    fields = {part.field for part in parts}
    named = fields | {part.path[0] for part in parts}
    for setting, wanted, there in (
        ("include", rules.include, named),
        ("exclude", rules.exclude, named),
        ("rename", rules.rename, fields),
        ("columns", rules.columns, fields),
    ):
        yield from (f"{setting} names field {name!r}, which this schema lacks" for name in wanted if name not in there)


def _shapes(parts: Sequence[_Part], record: RecordSchema, rules: TableRules, table: str) -> list[ColumnShape]:
    options = {part.field: rules.rename.get(part.field, "__".join(part.path)) for part in parts}
    names = column_names(options, METADATA_TYPES)
    for field in rules.rename.keys() & names.keys():
        if names[field] != rules.rename[field]:
            raise SettingsError(
                f"table {table!r}: field {field!r} cannot become column {rules.rename[field]!r}: another column has"
                " that name, or it is none"
            )
    return [
        ColumnShape(
            field=part.field,
            path=part.path,
            name=names[part.field],
            of=part.of,
            type=_type(part, names[part.field], rules),
            nullable=part.nullable and names[part.field] not in rules.key,
            comment=_column_comment(part, names[part.field]),
            records=record.records,
            default=part.default,
        )
        for part in parts
    ]


def _type(part: _Part, name: str, rules: TableRules) -> Any:
    if part.field in rules.columns:
        return override_type(part.field, part.of, rules.columns[part.field])
    if name in rules.key:
        return key_type(part.of)
    return column_type(part.of, nanos=rules.nanos)


def _key(shapes: Sequence[ColumnShape], rules: TableRules, table: str) -> tuple[str, ...]:
    if rules.mode == "insert":
        return ()
    names = {shape.name for shape in shapes}
    if missing := [name for name in rules.key if name not in names]:
        raise SettingsError(
            f"table {table!r}: key column {', '.join(missing)} is no field of the schema",
            hint=f"its columns are {', '.join(sorted(names))}",
        )
    return rules.key


def _read(schema: Any, table: str) -> RecordSchema:
    try:
        return read_record(schema)
    except SchemaError as error:
        raise SchemaError(f"schema of {table!r}: {error.message}", hint=_HINT) from error


def _column_comment(part: _Part, column: str) -> str | None:
    words = [f"Avro field {part.field}" if column != part.field else "", part.doc]
    if (part.of.logical or "").endswith("timestamp-nanos"):
        zone = "of local time" if part.of.logical == "local-timestamp-nanos" else "UTC"
        words.append(f"{NANOS_COMMENT} {zone}")
    return _comment(": ".join(word for word in words if isinstance(word, str) and word), MAX_COLUMN_COMMENT)


def _comment(doc: Any, most: int) -> str | None:
    if not isinstance(doc, str) or not doc:
        return None
    return doc if len(doc) <= most else doc[: most - 3] + "..."


def _table(
    name: str, columns: Sequence[ColumnShape], metadata: Sequence[str], primary: Sequence[str], comment: str | None
) -> Table:
    return Table(
        name,
        MetaData(),
        *(
            Column(
                shape.name, shape.type, nullable=shape.nullable, autoincrement=False, comment=shape.comment, quote=True
            )
            for shape in columns
        ),
        *(metadata_column(name) for name in metadata),
        *([PrimaryKeyConstraint(*primary)] if primary else []),
        comment=comment,
        quote=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate=OUR_COLLATION,
    )
