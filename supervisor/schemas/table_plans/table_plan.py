"""The one planner: a table as it was found, schemas and rules -> what the table lacks; pure.

The table fitter runs what rtpipe may do alone, `rtpipe table` shows all of it and runs it on a person's word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.fit import judge
from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.json_depth import depth_warnings
from avro_schemas.columns.notes import losses
from avro_schemas.columns.verdict import Cost, Fit
from avro_schemas.tables.changes import AddColumn, Change, DropColumn, MakeNullable, Rename, is_left_to_people
from avro_schemas.tables.evolution import Placement, landings, place
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.metadata_columns import POSITION
from avro_schemas.tables.rules import TableRules
from infra.tables.alter_table import Alteration, alterations
from infra.tables.change_history import Cause
from infra.tables.ddl import ServerFacts, create_table_sql


@dataclass(frozen=True, slots=True)
class TableTarget:
    """A topic's table as a schema and the settings ask for it. `schema_id`: None for a file's schema."""

    topic: str
    table: str
    schema_id: int | None
    schema: Any
    rules: TableRules
    lineage: Callable[[], Lineage] = Lineage  #: of all versions; asked only where this one alone does not tell
    by_record: bool = False  #: records of other names have columns of their own in the table

    def layout(self) -> TableLayout:
        """The table that CREATE TABLE would make. SchemaError or SettingsError if there is none for these rules."""
        return table_layout(self.schema, table=self.table, rules=self.rules)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What only a person may ask for."""

    accept_rename: bool = False
    drop: bool = False
    accept_unrelated: bool = False  #: no column in common is no sign of a slip


#: What rtpipe plans where no person asked for more.
UNASKED = PlanOptions()


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table: how it is, and what would make it fit."""

    target: TableTarget
    database: str
    layout: TableLayout  #: as CREATE TABLE would make it
    found: FoundTable | None = None  #: None: it is to be created
    placement: Placement | None = None  #: of a table that is there
    changes: tuple[Change, ...] = ()  #: of a table that is there
    create: str = ""  #: CREATE TABLE, "" for one that is there
    keyed: bool = False  #: the server demands a primary key, so it gets partition and offset

    @property
    def cause(self) -> Cause:
        """Whose schema asks for the changes."""
        return Cause(self.target.topic, self.target.schema_id)

    @property
    def rows(self) -> TableLayout:
        """Where the schema's rows go once the changes are made."""
        return self.layout if self.placement is None else self.placement.layout

    @property
    def alterations(self) -> Sequence[Alteration]:
        """Every change as SQL, the cheapest first."""
        return self.altered_by(self.changes)

    @property
    def own_alterations(self) -> Sequence[Alteration]:
        """Those that rtpipe makes without a person's word."""
        return self.altered_by([change for change in self.changes if not is_left_to_people(change)])

    def altered_by(self, changes: Sequence[Change]) -> Sequence[Alteration]:
        """Some changes as SQL."""
        return () if self.found is None else alterations(self.database, self.target.table, self.found, changes)

    @property
    def kept(self) -> Sequence[str]:
        """Columns that only other versions of the schema fill, and that stay."""
        dropped = {change.column for change in self.changes if isinstance(change, DropColumn)}
        if self.placement is None or self.found is None:
            return ()
        return [name for name in _idle(self.target, self.placement, self.found) if name not in dropped]

    @property
    def differs(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.create or self.changes or self.refused)

    @property
    def columns(self) -> Sequence[ColumnShape]:
        """Those that the schema's rows go to."""
        return self.rows.columns

    @property
    def losses(self) -> list[str]:
        """Which values columns refuse, or may change."""
        return list(losses(self.columns).values())

    @property
    def refused(self) -> list[str]:
        """What no change mends."""
        return [] if self.placement is None else list(map(str, self.placement.refused))

    @property
    def statements(self) -> list[str]:
        """The exact SQL, in the order in which it is run."""
        return [self.create] if self.create else [one.sql for one in self.alterations]

    @property
    def questions(self) -> list[str]:
        """What only a person may say yes to, in words."""
        theirs = [change.column for change in self.changes if is_left_to_people(change)]
        return [
            *(["copies the table"] if any(change.cost is Cost.COPY for change in self.changes) else []),
            *(["drops a column"] if any(isinstance(change, DropColumn) for change in self.changes) else []),
            *([f"changes columns that a person made: {', '.join(dict.fromkeys(theirs))}"] if theirs else []),
        ]


def plan_new(target: TableTarget, server: ServerFacts) -> TablePlan:
    """A table that is not there. SchemaError or SettingsError if the schema gives none for these rules."""
    layout, keyed = target.layout(), False
    if not layout.table.primary_key.columns and server.demands_primary_key:
        rules = replace(target.rules, metadata=tuple({*target.rules.metadata, *POSITION}))
        layout, keyed = replace(target, rules=rules).layout(), True
    sql = create_table_sql(layout.table, server.database, mariadb=server.is_mariadb)
    layout = replace(layout, warnings=(*layout.warnings, *depth_warnings(layout.columns, server.json_depth)))
    return TablePlan(target, server.database, layout, create=sql, keyed=keyed)


def plan_existing(target: TableTarget, found: FoundTable, database: str, options: PlanOptions = UNASKED) -> TablePlan:
    """A table that is there. Raises as `plan_new` does, and TableUnfitError if no row can be written at all."""
    layout = target.layout()

    def placement_in(found: FoundTable) -> Placement:
        return place(layout, found, target.rules, target.lineage, accept_unrelated=options.accept_unrelated)

    placement, renames = placement_in(found), tuple[Rename, ...]()
    if options.accept_rename:
        renames = _renames(placement, found)
        found = _renamed(found, renames)
        placement = placement_in(found)
    changes: list[Change] = [*renames, *placement.changes]
    if options.drop:
        idle = _idle(target, placement, found)
        changes = [one for one in changes if not (isinstance(one, MakeNullable) and one.column in idle)]
        changes += [DropColumn(name, "no field of this schema", Cost.INSTANT) for name in idle]
    deep = depth_warnings(placement.layout.columns, found.json_depth)
    layout = replace(layout, warnings=(*layout.warnings, *deep))
    return TablePlan(target, database, layout, found, placement, tuple(changes))


def _renames(placement: Placement, found: FoundTable) -> tuple[Rename, ...]:
    """The columns that new fields had under another name, where they hold the field's values."""
    shapes = {shape.name: shape for shape in placement.layout.columns}
    return tuple(
        Rename(
            change.renames,
            f"field {shapes[change.column].field} was called {change.renames}",
            Cost.INSTANT,
            change.column,
        )
        for change in placement.changes
        if isinstance(change, AddColumn)
        and change.renames
        and judge(shapes[change.column], found.columns[change.renames]).fit in {Fit.HOLDS, Fit.NARROW}
    )


def _renamed(found: FoundTable, renames: Sequence[Rename]) -> FoundTable:
    names: Mapping[str, str] = {rename.column: rename.new for rename in renames}
    return replace(found, columns={names.get(name, name): column for name, column in found.columns.items()})


def _idle(target: TableTarget, placement: Placement, found: FoundTable) -> tuple[str, ...]:
    """Columns that only other versions of the schema fill; never those that a person added."""
    if target.by_record:
        return ()
    known = target.lineage()
    theirs = {shape.name for one in known.layouts for shape in landings(one, found, target.rules, lambda: known)}
    used = {shape.name for shape in placement.layout.columns} | {one.column for one in placement.refused}
    former = {change.column for change in placement.changes if isinstance(change, MakeNullable)} - used
    return tuple(name for name in found.columns if name in (theirs | former) - used and name not in found.key)
