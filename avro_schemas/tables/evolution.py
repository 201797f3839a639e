"""Where each field of a schema lands in the table that is there, and what must change first. Pure; docs/schemas.md has
the rules in a table.

A table is the union of all versions of its schema and never shrinks by itself. A field lands in the column of its
name; if what is in that column means something else, in `name_v2`, `name_v3`; if the column is gone and a newer
version calls the field by another name, in the column of that name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from avro_schemas.columns.default import default_literal
from avro_schemas.columns.fit import judge
from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.json_depth import bounded
from avro_schemas.columns.key_columns import key_problem
from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.types import ColumnShape
from avro_schemas.columns.user_column import user_column
from avro_schemas.columns.user_limits import cannot_tell, way_of
from avro_schemas.columns.verdict import Cost, Fit
from avro_schemas.naming import MAX_IDENTIFIER
from avro_schemas.tables.changes import AddColumn, Change, MakeNullable, Refused, Widen
from avro_schemas.tables.layout import MAX_COLUMN_COMMENT, TableLayout, placed
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.metadata_columns import DELETED_COLUMN, METADATA_TYPES, POSITION
from avro_schemas.tables.overflow import settled, single
from avro_schemas.tables.ownership import is_persons
from avro_schemas.tables.rules import TableRules
from avro_schemas.tables.unfit import TableUnfitError, require_known_losses, require_metadata_types
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
        return placed(self.layout, kept, metadata, self.layout.others)


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
    return _Placing(layout, table, rules, lineage).place(accept_unrelated=accept_unrelated)


def landings(
    layout: TableLayout, table: FoundTable, rules: TableRules, lineage: Callable[[], Lineage] = Lineage
) -> list[ColumnShape]:
    """The columns of the table that the schema's fields are in as things are, whatever else would have to change."""
    return [shape for shape in _Placing(layout, table, rules, lineage).columns() if shape.name in table.columns]


class _Placing:
    """One placement."""

    def __init__(
        self, layout: TableLayout, table: FoundTable, rules: TableRules, lineage: Callable[[], Lineage]
    ) -> None:
        self._layout = layout
        self._table = table
        self._rules = rules
        self._ask = lineage
        self._lineage: Lineage | None = None
        self._changes: list[Change] = []
        self._refused: list[Refused] = []
        self._apart = set[str]()  # columns of former meanings of our fields
        self._own = {shape.name.lower() for shape in single(layout.columns)}

    def place(self, *, accept_unrelated: bool) -> Placement:
        if self._rules.lossy:
            require_known_losses(self._rules.lossy, self._table, [self._layout, *self._known().layouts])
        columns = self.columns()
        if not accept_unrelated:
            self._require_kinship(columns)
        metadata = self._metadata()
        used = {*(shape.name for shape in columns), *metadata, *(one.column for one in self._refused)}
        left = [name for name, found in self._table.columns.items() if name not in used and not found.generated]
        idle = [name for name in left if not self._table.columns[name].fills_itself]
        foreign = set(idle) - self._apart
        schemas = self._apart | (self._columns_of_schemas() if foreign or self._layout.key else set())
        for name in idle:
            self._let_be_null(name, schemas)
        others = [name for name in left if name in schemas] if self._layout.key else ()
        layout = placed(self._layout, columns, metadata, others)
        return Placement(layout, tuple(self._changes), tuple(self._refused))

    def columns(self) -> list[ColumnShape]:
        """Where the fields land, but for those that are refused."""
        wanted = settled(self._layout.columns, self._table, self._rules, self._is_there)
        return [bounded(shape, self._table.json_depth) for one in wanted if (shape := self._column(one))]

    def _is_there(self, shape: ColumnShape) -> bool:
        return self._table.name_of(next(self._names(shape))) is not None

    def _require_kinship(self, columns: list[ColumnShape]) -> None:
        """Never widen a stranger's table into one's own, where `table` in the settings is a slip."""
        strange = [name for name in self._table.columns if name not in METADATA_TYPES]
        shared = self._apart or self._refused or any(shape.name in self._table.columns for shape in columns)
        shared = shared or any(isinstance(change, AddColumn) and change.renames for change in self._changes)
        if columns and strange and not shared:
            raise TableUnfitError(
                f"table {self._layout.name} has no column of this schema: it has {', '.join(strange[:5])},"
                f" the schema {', '.join(shape.name for shape in columns[:5])}",
                hint="another topic's table is not made this one's: see `table` in rtpipe.toml; if it is the right one:"
                " `rtpipe table apply --topics TOPIC --accept-unrelated`, then `rtpipe resume TOPIC`",
            )

    def _column(self, shape: ColumnShape) -> ColumnShape | None:
        """The shape with the name and type of the column that takes it."""
        if shape.name in self._layout.key:
            return self._key_column(shape)
        for number, name in enumerate(self._names(shape), 1):
            there = self._table.name_of(name)
            if there is None:
                return self._added(shape, name, number)
            verdict = judge(shape, self._table.columns[there], chosen=shape.field in self._rules.columns)
            if self._table.columns[there].generated:
                self._refuse(shape, there)
                return None
            asked = shape.of.nested and shape.field in self._rules.columns  # text instead of JSON, on request
            unsure = (verdict.fit is not Fit.HOLDS or verdict.wider is not None) and not asked
            if verdict.fit is Fit.THEIRS or (unsure and not self._is_of_a_version(shape, there)):
                return self._given(shape, there)
            if verdict.fit is Fit.REFUSED:
                self._refuse(shape, there)
                return None
            if verdict.fit is Fit.APART:
                self._apart.add(there)
                continue
            landed = dataclasses.replace(shape, name=there, type=shape.type if verdict.type is None else verdict.type)
            if verdict.wider is not None:
                old, reason = self._table.columns[there].type, f"field {shape.field} is {shape.of.words}"
                persons = self._is_persons(there)
                widen = Widen(there, reason, verdict.cost, old, verdict.wider, persons)
                self._changes.append(widen)
                landed = dataclasses.replace(landed, narrow=str(widen))
            return self._nullable(landed)
        raise AssertionError("names never end")

    def _is_of_a_version(self, shape: ColumnShape, name: str) -> bool:
        """Whether a version of the schema gave the column its type. One that a person changed stays as it is: what it
        would change is a bad value. Where no version is known, the column counts as one of theirs.
        """
        layouts = self._known().layouts
        mine = [one for layout in layouts for one in single(layout.columns) if one.field == shape.field]
        return not layouts or any(type_words(one.type) == self._table.columns[name].type for one in mine)

    def _given(self, shape: ColumnShape, name: str) -> ColumnShape | None:
        """A column that people made: each value is looked at, if rtpipe can tell what becomes of it there."""
        given = user_column(self._table.columns[name])
        lossy = bool({shape.field, shape.name, name} & set(self._rules.lossy))
        if way_of(shape, given) is None and not lossy:
            self._refuse(shape, name, cannot_tell(shape, name, given, self._layout.name))
            return None
        return self._nullable(dataclasses.replace(shape, name=name, given=given, lossy=lossy))

    def _names(self, shape: ColumnShape) -> Iterator[str]:
        """The columns that may be the field's: its own, or its new name's; then `_v2` and so on."""
        name = shape.name
        if self._table.name_of(name) is None:
            newer = self._known().aliases.get(shape.field, "")
            name = newer if self._table.name_of(newer) and newer.lower() not in self._own else name
        yield name
        number = 2
        while True:
            ending = f"_v{number}"
            candidate = name[: MAX_IDENTIFIER - len(ending)] + ending
            if candidate.lower() not in self._own:
                yield candidate
            number += 1

    def _key_column(self, shape: ColumnShape) -> ColumnShape | None:
        there = self._table.name_of(shape.name)
        if there is None:
            self._refused.append(Refused(shape.field, shape.name, "the key column is not in the table", False))
            return None
        found = self._table.columns[there]
        verdict = judge(shape, found)
        holds, wants = verdict.fit is Fit.HOLDS, type_words(shape.type)
        ours = verdict.fit in {Fit.NARROW, Fit.APART, Fit.REFUSED} and self._is_of_a_version(shape, there)
        if ours and found.type != wants:
            reason = f"key column {there} is {found.type}, the schema asks for {wants}; key columns never change"
        else:
            reason = key_problem(shape, there, self._table, self._layout.name, holds=holds)
        if reason:
            self._refused.append(Refused(shape.field, there, reason, False))
            return None
        if not holds:
            return dataclasses.replace(shape, name=there, given=user_column(found))
        return dataclasses.replace(shape, name=there, type=shape.type if verdict.type is None else verdict.type)

    def _added(self, shape: ColumnShape, name: str, number: int) -> ColumnShape:
        reason = f"{len(shape.parts):,} fields have no column" if shape.parts else f"field {shape.field} is new"
        if number > 1:
            reason = f"field {shape.field} is {shape.of.words} now, and what {shape.name} holds means something else"
        renames = next((old for old, new in self._known().aliases.items() if new == shape.field), "")
        has = self._table.name_of(renames) if renames and number == 1 and renames.lower() not in self._own else None
        default = default_literal(shape) if number == 1 else None  # of rows that have another value in the first one
        words = [f"Avro field {shape.field}" if number > 1 else "", shape.comment or ""]
        comment = ": ".join(filter(None, words))[:MAX_COLUMN_COMMENT] or None
        self._changes.append(AddColumn(name, reason, Cost.INSTANT, shape.type, default, comment, has or ""))
        return dataclasses.replace(shape, name=name, nullable=True)

    def _nullable(self, shape: ColumnShape) -> ColumnShape:
        found = self._table.columns[shape.name]
        if shape.nullable and not found.nullable:
            if shape.name in self._table.key:
                self._refuse(shape, shape.name, "it may be null, and its column is part of the primary key")
                return shape
            reason, persons = f"field {shape.field} may be null", self._is_persons(shape.name)
            change = MakeNullable(shape.name, reason, Cost.IN_PLACE, persons)
            self._changes.append(change)
            if persons:
                return dataclasses.replace(shape, nullable=False, required=str(change))
        return dataclasses.replace(shape, nullable=shape.nullable or found.nullable)

    def _refuse(self, shape: ColumnShape, column: str, reason: str = "") -> None:
        found = self._table.columns[column]
        said = reason or f"{shape.of.words} does not go into column {column} {found.type}"
        self._refused.append(Refused(shape.field, column, said, found.fills_itself))

    def _metadata(self) -> list[str]:
        """Those that were asked for, and those that the table has and no row can do without."""
        asked, found = self._layout.metadata, self._table.columns
        needed = {name for name in METADATA_TYPES if name in found and not found[name].fills_itself}
        require_metadata_types(self._layout.name, self._table, {*asked, *needed})
        if missing := [name for name in POSITION if name in asked and name not in found]:
            raise TableUnfitError(
                f"table {self._layout.name} has no column {' and no '.join(missing)}",
                hint="they are the primary key, which the rows that are there cannot get: begin with a new table, or"
                " take them out of metadata_columns",
            )
        for name in asked:
            if name not in found:
                kind = METADATA_TYPES[name]()
                default = 0 if name == DELETED_COLUMN else None
                self._changes.append(AddColumn(name, "metadata_columns asks for it", Cost.INSTANT, kind, default))
        return [name for name in METADATA_TYPES if name in {*asked, *needed}]

    def _let_be_null(self, name: str, schemas: set[str]) -> None:
        if name in schemas and name not in self._table.key:
            reason = "this schema has no field for it"
            self._changes.append(MakeNullable(name, reason, Cost.IN_PLACE, self._is_persons(name)))
            return
        if name in schemas:
            self._refused.append(Refused(name, name, "is part of the primary key, and not in this schema", False))
            return
        raise TableUnfitError(
            f"table {self._layout.name} has a column {name} that is NOT NULL, has no default and is in no version of"
            " the topic's schema",
            hint="give it a default or let it be NULL",
        )

    def _is_persons(self, name: str) -> bool:
        return is_persons(name, self._table, self._known().layouts, self._rules)

    def _columns_of_schemas(self) -> set[str]:
        """The columns of this table that other versions of the schema fill: never those that a person added."""
        aliases = Lineage(aliases=self._known().aliases)
        return {
            shape.name
            for layout in self._known().layouts
            for shape in landings(layout, self._table, self._rules, lambda: aliases)
        }

    def _known(self) -> Lineage:
        if self._lineage is None:
            self._lineage = self._ask()
        return self._lineage
