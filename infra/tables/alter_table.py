"""The SQL of a table's changes: one ALTER for all of one cost, and what else is tried where the server refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.types import String, TypeEngine

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.type_text import OUR_COLLATION, type_words
from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import AddColumn, Change, DropColumn, MakeNullable, Rename, Widen
from infra.tables.column_definitions import (
    with_default_expression,
    with_null,
    with_type,
    without_collation,
    without_json_check,
)
from infra.tables.ddl import type_sql
from rtpipe.mysql.quoting import quoted, quoted_text

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
        written = [change for change in some if not (isinstance(change, MakeNullable) and change.column in wider)]
        if clauses := [_clause(change, table, change.column in nullable) for change in written]:
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
            comment = f" COMMENT {quoted_text(change.comment)}" if change.comment else ""
            written, character_set = _type_and_character_set(change.type, OUR_COLLATION)
            return f"ADD COLUMN {column} {' '.join(filter(None, (written, character_set)))} NULL{default}{comment}"
        case MakeNullable():
            return f"MODIFY COLUMN {column} {with_null(_as_it_is(change.column, table))}"
        case Widen():
            wider = _wider(change, table.columns[change.column])
            return f"MODIFY COLUMN {column} {with_null(wider) if nullable else wider}"
        case Rename():
            return f"RENAME COLUMN {column} TO {quoted(change.new)}"
        case DropColumn():
            return f"DROP COLUMN {column}"


def _as_it_is(name: str, table: FoundTable) -> str:
    """The column as MODIFY takes it, which changes nothing: whatever is not told here again, the server forgets."""
    found = table.columns[name]
    if found.type == "json" and found.collation == OUR_COLLATION:
        return with_type(found.definition, "json")  # for the LONGTEXT that it shows, MariaDB would copy the table
    return without_collation(found.definition, table.collation)


def _wider(change: Widen, found: FoundColumn) -> str:
    collation = found.collation if found.charset == "utf8mb4" and found.collation else OUR_COLLATION
    definition = with_type(found.definition, *_type_and_character_set(change.type, collation))
    if type_words(change.type).endswith(("text", "blob")):
        definition = with_default_expression(definition)
    return without_json_check(definition, change.column)


def _type_and_character_set(column_type: TypeEngine[Any], collation: str) -> tuple[str, str]:
    """Text without a character set of its own gets it here: the table's may be a person's choice, and hold less."""
    written, word, own = type_sql(column_type).partition(" CHARACTER SET ")
    is_text = isinstance(column_type, String)
    ours = f"CHARACTER SET utf8mb4 COLLATE {collation}" if is_text else ""
    return written, f"{word}{own}".strip() or ours


def _literal(value: str | float) -> str:
    return quoted_text(value) if isinstance(value, str) else repr(value)
