"""The SQL of a table's changes: one ALTER for all of one cost, and what else is tried where the server refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.types import TypeEngine

from avro_schemas.column_fit import Cost
from avro_schemas.found_table import FoundColumn, FoundTable
from avro_schemas.table_changes import AddColumn, Change, DropColumn, MakeNullable, Rename, Widen
from infra.ddl import literal, quoted, type_sql

#: Error numbers of a server that cannot do it by the algorithm that was asked for; 4092: too many instant changes.
OTHER_ALGORITHM = frozenset({1845, 1846, 4092})
_ALGORITHMS = {
    Cost.INSTANT: ("ALGORITHM=INSTANT", "ALGORITHM=INPLACE, LOCK=NONE"),
    Cost.IN_PLACE: ("ALGORITHM=INPLACE, LOCK=NONE",),
    Cost.COPY: (),
}


@dataclass(frozen=True, slots=True)
class Alteration:
    """One ALTER TABLE. `ways` are tried in turn; without any left the server copies the table."""

    begin: str  #: without algorithm
    cost: Cost
    changes: tuple[Change, ...]

    @property
    def ways(self) -> tuple[str, ...]:
        """The statement in every way that does not copy the table; of one that must copy it, that one."""
        return tuple(f"{self.begin}, {how}" for how in _ALGORITHMS[self.cost]) or (self.begin,)

    @property
    def sql(self) -> str:
        """What is tried first."""
        return self.ways[0]


def alterations(database: str, name: str, table: FoundTable, changes: Sequence[Change]) -> list[Alteration]:
    """The cheapest first: it may be all that a message waits for."""
    nullable = {change.column for change in changes if isinstance(change, MakeNullable)}
    found = []
    for cost in Cost:
        some = [change for change in changes if change.cost is cost]
        wider = {change.column for change in some if isinstance(change, Widen)}
        told = [change for change in some if not (isinstance(change, MakeNullable) and change.column in wider)]
        if clauses := [_clause(change, table, change.column in nullable) for change in told]:
            found.append(Alteration(f"ALTER TABLE {quoted(database, name)} {', '.join(clauses)}", cost, tuple(some)))
    return found


def reasons(changes: Iterable[Change]) -> str:
    """The changes in words."""
    return "; ".join(map(str, changes))


def _clause(change: Change, table: FoundTable, nullable: bool) -> str:
    column = quoted(change.column)
    match change:
        case AddColumn():
            default = "" if change.default is None else f" DEFAULT {_literal(change.default)}"
            comment = f" COMMENT {literal(change.comment)}" if change.comment else ""
            return f"ADD COLUMN {column} {type_sql(change.type)} NULL{default}{comment}"
        case MakeNullable():
            return f"MODIFY COLUMN {_definition(change.column, table.columns[change.column], None, nullable=True)}"
        case Widen():
            found = table.columns[change.column]
            return (
                f"MODIFY COLUMN {_definition(change.column, found, change.type, nullable=nullable or found.nullable)}"
            )
        case Rename():
            return f"RENAME COLUMN {column} TO {quoted(change.new)}"
        case DropColumn():
            return f"DROP COLUMN {column}"
    raise AssertionError(change)


def _definition(name: str, found: FoundColumn, wider: TypeEngine[object] | None, *, nullable: bool) -> str:
    """A column as MODIFY takes it: whatever is not told here again, the server forgets."""
    words = [quoted(name)]
    if wider is not None:
        words.append(type_sql(wider))
    else:
        words.append(found.type)
        if found.charset and found.type != "json":
            words.append(f"CHARACTER SET {found.charset} COLLATE {found.collation}")
    words.append("NULL" if nullable else "NOT NULL")
    if found.default is not None:
        words.append(f"DEFAULT {found.default}")
    if "on update" in found.extra:
        words.append(found.extra.replace("default_generated", "").strip())
    if found.comment:
        words.append(f"COMMENT {literal(found.comment)}")
    return " ".join(words)


def _literal(value: str | float) -> str:
    return literal(value) if isinstance(value, str) else repr(value)
