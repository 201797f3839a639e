"""Where a schema's rows go in the table that is there, and what must change first. Pure; docs/schemas.md has the rules.

A table is the union of all versions of its schema and never shrinks by itself. field_landing.py finds each field's
column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import AddColumn, Change, MakeNullable, Refused
from avro_schemas.tables.field_landing import FieldLandings, Landing
from avro_schemas.tables.layout import TableLayout, with_columns
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.metadata_columns import DELETED_COLUMN, METADATA_TYPES, POSITION
from avro_schemas.tables.ownership import is_persons
from avro_schemas.tables.rules import TableRules
from avro_schemas.tables.unfit import TableUnfitError, require_known_losses, require_metadata_types, require_upsert_key
from rtpipe.errors import SchemaError


class EvolutionError(SchemaError):
    """A table does not fit a schema, and rtpipe may not or will not alter it."""

    name = "E_EVOLUTION"


@dataclass(frozen=True, slots=True)
class Placement:
    """`layout` is that of the schema's rows once all `changes` are made, but those of Widen and of people's columns:
    until then such a column is `narrow` or `required`, and takes what fits.
    """

    layout: TableLayout
    changes: tuple[Change, ...] = ()
    refused: tuple[Refused, ...] = ()

    def discarding(self) -> TableLayout:
        """The layout without the fields that have no column."""
        new = {change.column for change in self.changes if isinstance(change, AddColumn)}
        kept = [column for column in self.layout.columns if column.name not in new]
        metadata = [name for name in self.layout.metadata if name not in new]
        return with_columns(self.layout, kept, metadata, self.layout.others)


def place(
    layout: TableLayout,
    table: FoundTable,
    rules: TableRules,
    lineage: Callable[[], Lineage] = Lineage,
    *,
    accept_unrelated: bool = False,
) -> Placement:
    """The placement of a schema's rows; `lineage` is asked only where this schema alone does not tell.

    `accept_unrelated`: a table that shares no column with the schema is the topic's all the same. Raises
    TableUnfitError if no row can be written at all.
    """
    known = cache(lineage)
    if layout.key:
        require_upsert_key(layout.name, table.key, table.unique, layout.key)
    if rules.lossy:
        require_known_losses(rules.lossy, table, [layout, *known().layouts])
    fields = FieldLandings(layout, table, rules, known).all()
    columns = [field.shape for field in fields if field.shape]
    if not accept_unrelated:
        _require_kinship(layout, table, fields)
    metadata, added = _metadata(layout, table)
    refused = [field.refused for field in fields if field.refused]
    used = {*(shape.name for shape in columns), *metadata, *(one.column for one in refused)}
    left = [name for name, found in table.columns.items() if name not in used and not found.generated]
    idle = [name for name in left if not table.columns[name].fills_itself]
    schemas = {name for field in fields for name in field.former}
    if layout.key or set(idle) - schemas:
        schemas |= _columns_of_schemas(table, rules, known())
    _require_all_known(layout, idle, schemas)
    in_key = "is part of the primary key, and not in this schema"
    refused += [Refused(name, name, in_key, False) for name in idle if name in table.key]
    nullable = _nullable([name for name in idle if name not in table.key], table, rules, known)
    others = [name for name in left if name in schemas] if layout.key else ()
    changes = (*(change for field in fields for change in field.changes), *added, *nullable)
    return Placement(with_columns(layout, columns, metadata, others), changes, tuple(refused))


def landings(
    layout: TableLayout, table: FoundTable, rules: TableRules, lineage: Callable[[], Lineage] = Lineage
) -> list[ColumnShape]:
    """The columns of the table that the schema's fields are in as things are, whatever else would have to change."""
    fields = FieldLandings(layout, table, rules, cache(lineage)).all()
    return [field.shape for field in fields if field.shape and field.shape.name in table.columns]


def _nullable(
    names: Sequence[str], table: FoundTable, rules: TableRules, lineage: Callable[[], Lineage]
) -> list[MakeNullable]:
    """Columns that rows of this schema leave out must take NULL."""
    reason = "this schema has no field for it"
    return [
        MakeNullable(name, reason, Cost.IN_PLACE, is_persons(name, table, lineage().layouts, rules)) for name in names
    ]


def _require_kinship(layout: TableLayout, table: FoundTable, fields: Sequence[Landing]) -> None:
    """Never widen a stranger's table into one's own, where `table` in the settings is a slip."""
    strange = [name for name in table.columns if name not in METADATA_TYPES]
    columns = [field.shape.name for field in fields if field.shape]
    shared = any(field.refused or field.former for field in fields) or any(name in table.columns for name in columns)
    changes = [change for field in fields for change in field.changes]
    shared = shared or any(isinstance(change, AddColumn) and change.renames for change in changes)
    if columns and strange and not shared:
        raise TableUnfitError(
            f"table {layout.name} has no column of this schema: it has {', '.join(strange[:5])},"
            f" the schema {', '.join(columns[:5])}",
            hint="another topic's table is not made this one's: see `table` in rtpipe.toml; if it is the right one:"
            " `rtpipe table apply --topics TOPIC --accept-unrelated`, then `rtpipe resume TOPIC`",
        )


def _metadata(layout: TableLayout, table: FoundTable) -> tuple[list[str], list[AddColumn]]:
    """Those that were asked for, and those that the table has and no row can do without; and those that it lacks."""
    asked, found = layout.metadata, table.columns
    needed = {name for name in METADATA_TYPES if name in found and not found[name].fills_itself}
    require_metadata_types(layout.name, table, {*asked, *needed})
    if missing := [name for name in POSITION if name in asked and name not in found]:
        raise TableUnfitError(
            f"table {layout.name} has no column {' and no '.join(missing)}",
            hint="they are the primary key, which the rows that are there cannot get: begin with a new table, or"
            " take them out of metadata_columns",
        )
    added = [
        AddColumn(name, "metadata_columns asks for it", Cost.INSTANT, METADATA_TYPES[name](), _default_of(name))
        for name in asked
        if name not in found
    ]
    return [name for name in METADATA_TYPES if name in {*asked, *needed}], added


def _default_of(metadata: str) -> int | None:
    return 0 if metadata == DELETED_COLUMN else None


def _columns_of_schemas(table: FoundTable, rules: TableRules, known: Lineage) -> set[str]:
    """The columns of this table that other versions of the schema fill: never those that a person added."""
    aliases = Lineage(aliases=known.aliases)
    return {shape.name for layout in known.layouts for shape in landings(layout, table, rules, lambda: aliases)}


def _require_all_known(layout: TableLayout, idle: Sequence[str], schemas: set[str]) -> None:
    """Refuse a column that no row of any version fills, and that does not fill itself."""
    if strange := [name for name in idle if name not in schemas]:
        raise TableUnfitError(
            f"table {layout.name} has a column {strange[0]} that is NOT NULL, has no default and is in no version of"
            " the topic's schema",
            hint="give it a default or let it be NULL",
        )
