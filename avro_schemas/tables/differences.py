"""How a table that is there differs from the one that its schema asks for, but for what rtpipe itself made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Column, Table

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.fit import judge
from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.key_columns import key_problem
from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.verdict import Fit
from avro_schemas.tables.evolution import landings
from avro_schemas.tables.layout import TableLayout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.metadata_columns import METADATA_TYPES
from avro_schemas.tables.rules import TableRules
from rtpipe.mysql.quoting import quoted


@dataclass(frozen=True, slots=True)
class Evolved:
    """What the versions of a schema explain: columns of the table that CREATE TABLE would not make so today."""

    lands: Mapping[str, ColumnShape] = field(default_factory=dict)  #: column of the new table -> where its field is
    columns: frozenset[str] = frozenset()  #: that fields of any version are in
    types: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: field -> the types that versions give it
    optional: frozenset[str] = frozenset()  #: fields whose column some version leaves empty, or lets be NULL


#: No other version is known.
NOTHING = Evolved()


def evolved(layout: TableLayout, found: FoundTable, rules: TableRules, lineage: Lineage) -> Evolved:
    """By the rules by which rows find their columns."""
    landed = {shape.field: shape for shape in landings(layout, found, rules, lambda: lineage)}
    versions = [
        {shape.field: shape for shape in landings(one, found, rules, lambda: lineage)} for one in lineage.layouts
    ]
    given = [{shape.field: shape for shape in one.columns} for one in lineage.layouts]
    fields = {shape.field for shape in layout.columns}

    def always(field: str) -> bool:
        """Whether each version fills the column that ours is in."""
        return all(
            field in there and there[field].name == landed[field].name and not made[field].nullable
            for there, made in zip(versions, given, strict=True)
        )

    return Evolved(
        {shape.name: landed[shape.field] for shape in layout.columns if shape.field in landed},
        frozenset(shape.name for there in (*versions, landed) for shape in there.values()),
        {one: frozenset(type_words(made[one].type) for made in given if one in made) for one in fields},
        frozenset(one for one in fields if one in landed and not always(one)),
    )


def differences(table: Table, found: FoundTable, versions: Evolved = NOTHING) -> list[str]:
    """One line each. Order, defaults, comments, collations and secondary indexes are not compared: rows are written by
    column name.
    """
    lines = []
    for column in table.columns:
        lands = versions.lands.get(column.name)
        there = found.name_of(lands.name if lands else column.name)
        lines += _column_differences(column, found.columns[there] if there else None, lands, versions)
    wanted = {column.name for column in table.columns} | versions.columns
    lines += [
        f"column {quoted(name)} {column.type} is not in the schema"
        for name, column in found.columns.items()
        if name not in wanted and not found.of_the_server(name)
    ]
    key = [name for name in found.key if not found.of_the_server(name)]
    planned = [column.name for column in table.primary_key.columns]
    if key != planned:
        lines.append(f"primary key ({', '.join(key)}) instead of ({', '.join(planned)})")
    return lines


def key_differences(layout: TableLayout, found: FoundTable) -> list[str]:
    """What lets no row in: each key column that makes one key of two, with the ALTER that mends it, and other unique
    indexes.
    """
    lines = []
    if layout.key and found.unique:
        lines.append(f"another unique index ({', '.join(found.unique)}), on which an upsert would fire, too: drop it")
    for shape in layout.columns:
        there = found.name_of(shape.name) if shape.name in layout.key else None
        if there is not None:
            holds = judge(shape, found.columns[there]).fit is Fit.HOLDS
            lines.append(key_problem(shape, there, found, layout.name, holds=holds))
    return [line for line in lines if line]


def _column_differences(
    column: Column[object], found: FoundColumn | None, lands: ColumnShape | None, versions: Evolved
) -> list[str]:
    name, wanted = quoted(column.name), type_words(column.type)
    if found is None:
        return [f"column {name} {wanted} is missing"]
    lines = []
    if found.type != wanted and not _holds(found, lands, versions):
        lines.append(f"column {name} is {found.type} instead of {wanted}")
    if found.nullable is not column.nullable and not (found.nullable and _may_be_null(column, lands, versions)):
        lines.append(f"column {name} is {'NULL' if found.nullable else 'NOT NULL'}, the schema says otherwise")
    ascii_is_enough = getattr(column.type, "charset", None) == "ascii"
    if found.charset not in {None, "utf8mb4"} and not ascii_is_enough:
        lines.append(f"column {name} has the character set {found.charset} instead of utf8mb4")
    return lines


def _holds(found: FoundColumn, lands: ColumnShape | None, versions: Evolved) -> bool:
    """Whether the column has the type of another version, which takes every value of this one, too."""
    if lands is None or found.type not in versions.types[lands.field]:
        return False
    return judge(lands, found).fit is Fit.HOLDS


def _may_be_null(column: Column[object], lands: ColumnShape | None, versions: Evolved) -> bool:
    if lands is None:
        return column.name in METADATA_TYPES
    return lands.field in versions.optional or lands.name != column.name
