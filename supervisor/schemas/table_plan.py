"""What `rtpipe table plan` shows and `apply` runs: the table of a schema, and what one that is there lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from avro_schemas.columns.fit import judge
from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.json_depth import depth_warnings
from avro_schemas.columns.notes import losses
from avro_schemas.columns.types import ColumnShape
from avro_schemas.columns.verdict import Cost, Fit
from avro_schemas.tables.changes import AddColumn, Change, DropColumn, MakeNullable, Rename, is_left_to_people
from avro_schemas.tables.evolution import Placement, landings, place
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.lineage import Lineage, lineage_of
from avro_schemas.tables.metadata_columns import POSITION
from avro_schemas.tables.rules import TableRules
from infra.tables.alter_table import Alteration, alterations
from infra.tables.database import Account
from infra.tables.ddl import create_table_sql
from infra.tables.future_table import table_changed, table_made
from infra.tables.table_session import TableSession, connected


@dataclass(frozen=True, slots=True)
class TableTarget:
    """A topic's table as a schema and the settings ask for it. `schema_id`: None for a file's schema."""

    topic: str
    table: str
    schema_id: int | None
    schema: Any
    rules: TableRules
    versions: Callable[[], Sequence[Any]] = tuple  #: other versions of the schema, the oldest first
    by_record: bool = False  #: records of other names have columns of their own in the table


@dataclass(frozen=True, slots=True)
class Wishes:
    """What only a person may ask for."""

    accept_rename: bool = False
    drop: bool = False
    accept_unrelated: bool = False  #: no column in common is no sign of a slip


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table: how it is, and what would make it fit."""

    target: TableTarget
    layout: TableLayout
    found: FoundTable | None  #: None: it is to be created
    placement: Placement | None
    changes: tuple[Change, ...]  #: of a table that is there
    alterations: tuple[Alteration, ...]
    create: str  #: CREATE TABLE, "" for one that is there
    kept: tuple[str, ...]  #: columns of other versions alone, which stay
    keyed: bool  #: the server demands a primary key, so it gets partition and offset

    @property
    def differs(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.create or self.changes or self.refused)

    @property
    def columns(self) -> Sequence[ColumnShape]:
        """Those that the schema's rows go to."""
        return (self.layout if self.placement is None else self.placement.layout).columns

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
    def costly(self) -> bool:
        """Whether the table is copied, something in it is lost, or a person's column changed."""
        return bool(self.questions)

    @property
    def questions(self) -> list[str]:
        """What only a person may say yes to, in words."""
        theirs = [change.column for change in self.changes if is_left_to_people(change)]
        return [
            *(["copies the table"] if any(change.cost is Cost.COPY for change in self.changes) else []),
            *(["drops a column"] if any(isinstance(change, DropColumn) for change in self.changes) else []),
            *([f"changes columns that a person made: {', '.join(dict.fromkeys(theirs))}"] if theirs else []),
        ]


def plan_tables(targets: Iterable[TableTarget], account: Account, database: str, wishes: Wishes) -> list[TablePlan]:
    """A plan for each; of those that share a table, each for the table as the ones before leave it. Looks alone."""
    plans, coming = [], dict[str, FoundTable]()
    for target in targets:
        with connected(account, database, target.table) as session:
            plan = plan_table(target, session, wishes, coming.get(target.table))
            if (after := _after(plan, session)) is not None:
                coming[target.table] = after
        plans.append(plan)
    return plans


def _after(plan: TablePlan, session: TableSession) -> FoundTable | None:
    """The table once the plan is carried out; None if it is refused."""
    if plan.found is None:
        return table_made(plan.layout.table, mariadb=session.is_mariadb, json_depth=session.json_depth())
    return None if plan.refused else table_changed(plan.found, plan.changes)


def plan_table(
    target: TableTarget, session: TableSession, wishes: Wishes, coming: FoundTable | None = None
) -> TablePlan:
    """Looks, and changes nothing; `coming`: the table as it will be, in the place of the one that is there.

    SchemaError or SettingsError if the schema gives no table for these rules.
    """
    layout, keyed = table_layout(target.schema, table=target.table, rules=target.rules), False
    found = coming or session.look()
    if found is None:
        if not layout.table.primary_key.columns and session.demands_primary_key():
            rules, keyed = replace(target.rules, metadata=tuple({*target.rules.metadata, *POSITION})), True
            layout = table_layout(target.schema, table=target.table, rules=rules)
        sql = create_table_sql(layout.table, session.database, mariadb=session.is_mariadb)
        layout = replace(layout, warnings=(*layout.warnings, *depth_warnings(layout.columns, session.json_depth())))
        return TablePlan(target, layout, None, None, (), (), sql, (), keyed)
    return _altered(target, layout, found, session.database, wishes)


def _altered(target: TableTarget, layout: TableLayout, found: FoundTable, database: str, wishes: Wishes) -> TablePlan:
    lineage = lineage_of([*target.versions(), target.schema], target.table, target.rules)

    def placed(found: FoundTable) -> Placement:
        return place(layout, found, target.rules, lambda: lineage, accept_unrelated=wishes.accept_unrelated)

    placement, renames = placed(found), tuple[Rename, ...]()
    if wishes.accept_rename:
        renames = _renames(placement, found)
        found = _renamed(found, renames)
        placement = placed(found)
    idle = () if target.by_record else _idle(placement, found, target.rules, lineage)
    changes: list[Change] = [*renames, *placement.changes]
    if wishes.drop:
        dropped = set(idle)
        changes = [one for one in changes if not (isinstance(one, MakeNullable) and one.column in dropped)]
        changes += [DropColumn(name, "no field of this schema", Cost.INSTANT) for name in idle]
        idle = ()
    deep = depth_warnings(placement.layout.columns, found.json_depth)
    layout = replace(layout, warnings=(*layout.warnings, *deep))
    altered = tuple(alterations(database, target.table, found, changes))
    return TablePlan(target, layout, found, placement, tuple(changes), altered, "", idle, keyed=False)


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


def _idle(placement: Placement, found: FoundTable, rules: TableRules, lineage: Lineage) -> tuple[str, ...]:
    """Columns that only other versions of the schema fill; never those that a person added."""
    theirs = {shape.name for layout in lineage.layouts for shape in landings(layout, found, rules, lambda: lineage)}
    used = {shape.name for shape in placement.layout.columns} | {one.column for one in placement.refused}
    former = {change.column for change in placement.changes if isinstance(change, MakeNullable)} - used
    return tuple(name for name in found.columns if name in (theirs | former) - used and name not in found.key)
