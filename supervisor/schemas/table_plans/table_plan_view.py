"""A table's plan for people, as a coloured diff, and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from avro_schemas.columns.notes import float_notes
from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import AddColumn, Change, DropColumn, MakeNullable, Rename, Widen, is_left_to_people
from supervisor.schemas.table_plans.table_plan import TablePlan

_ADDED, _CHANGED, _REMOVED, _QUIET = "green", "yellow", "red", "dim"


def print_plans(plans: Sequence[TablePlan]) -> None:
    """The diff of each table, on stdout."""
    console = Console(highlight=False, soft_wrap=True)
    for plan in plans:
        print_plan(plan, console)


def print_plan(plan: TablePlan, console: Console) -> None:
    """The diff of one table."""
    source = "" if plan.target.schema_id is None else f", schema id {plan.target.schema_id}"
    console.print(Text.assemble((plan.target.table, "bold"), f"  topic {plan.target.topic}{source}: {_summary(plan)}"))
    for sign, words, note, style in _lines(plan):
        console.print(Text.assemble("  ", (f"{sign} {words}", style), ("  " + note if note else "", _QUIET)))
    if plan.keyed:
        console.print(Text("  this server demands a primary key: partition and offset of the message", style=_QUIET))
    for field, column in renamed(plan).items():
        console.print(Text(f"  field {field} -> column {column}", style=_QUIET))
    for line in [*plan.losses, *float_notes(plan.columns)]:
        console.print(Text(f"  note: {line}", style=_CHANGED))
    for warning in plan.layout.warnings:
        console.print(Text(f"  warning: {warning}", style=_CHANGED))
    for sql in plan.statements:
        console.print(Text("\n".join("    " + line for line in f"{sql};".splitlines()), style="cyan"))


def lines_of(plan: TablePlan) -> list[str]:
    """The same without colours and SQL: the summary, then a line for each change, refusal and warning."""
    lines = [f"{sign} {words}" + (f"  {note}" if note else "") for sign, words, note, _ in _lines(plan)]
    return [_summary(plan), *lines, *(f"warning: {warning}" for warning in plan.layout.warnings)]


def renamed(plan: TablePlan) -> dict[str, str]:
    """Field -> column, where a column has another name than its field."""
    return {shape.field: shape.name for shape in plan.columns if shape.name != shape.field}


def facts_of(plan: TablePlan) -> dict[str, Any]:
    """The same with stable keys."""
    state = "refused" if plan.refused else "to create" if plan.create else "differs" if plan.changes else "fits"
    return {
        "topic": plan.target.topic,
        "table": plan.target.table,
        "schema_id": plan.target.schema_id,
        "state": state,
        "rows": plan.found.rows if plan.found else 0,
        "primary_key": [str(column.name) for column in plan.layout.table.primary_key.columns]
        if plan.found is None
        else list(plan.found.key),
        "changes": [
            {"column": change.column, "change": str(change), "cost": _COSTS[change.cost]} for change in plan.changes
        ],
        "refused": plan.refused,
        "kept": list(plan.kept),
        "renamed": renamed(plan),
        "limits": plan.losses,
        "notes": float_notes(plan.columns),
        "warnings": list(plan.layout.warnings),
        "sql": plan.statements,
    }


_COSTS = {Cost.INSTANT: "instant", Cost.IN_PLACE: "in place", Cost.COPY: "copy"}


def cost_words(cost: Cost, rows: int) -> str:
    """What a change costs; the number of rows is the server's estimate."""
    return f"copies {rows:,} rows, blocks writers" if cost is Cost.COPY else _COSTS[cost]


def _summary(plan: TablePlan) -> str:
    if plan.refused:
        return "refused"
    if plan.create:
        return "to create"
    if not plan.changes:
        few = len(plan.losses)
        return f"fits, but for some values in {few} column{'s' if few > 1 else ''}" if few else "fits"
    return f"{len(plan.changes)} change{'s' if len(plan.changes) > 1 else ''}"


def _lines(plan: TablePlan) -> list[tuple[str, str, str, str]]:
    """Sign, words, note and colour of each line."""
    lines = []
    if plan.create:
        for column in plan.layout.table.columns:
            null = "" if column.nullable else " NOT NULL"
            lines.append(("+", f"{column.name} {type_words(column.type)}{null}", "", _ADDED))
    rows = plan.found.rows if plan.found else 0
    lines += [_line(change, rows) for change in plan.changes]
    lines += [("!", refused, "refused: nothing that rtpipe would decide alone", _REMOVED) for refused in plan.refused]
    lines += [("-", name, "kept; `rtpipe table apply --drop` removes it", _QUIET) for name in plan.kept]
    return lines


def _line(change: Change, rows: int) -> tuple[str, str, str, str]:
    cost = cost_words(change.cost, rows)
    if is_left_to_people(change):
        cost += "; a person made the column, so only `rtpipe table apply` changes it"
    match change:
        case AddColumn():
            default = "" if change.default is None else f" DEFAULT {change.default}"
            hint = f"; --accept-rename renames {change.renames} instead" if change.renames else ""
            return "+", f"{change.column} {type_words(change.type)}{default}", f"{cost}, {change.reason}{hint}", _ADDED
        case Widen():
            words = f"{change.column} {change.old} -> {type_words(change.type)}"
            return "~", words, f"{cost}, {change.reason}", _CHANGED
        case MakeNullable():
            return "~", f"{change.column} NOT NULL -> NULL", f"{cost}, {change.reason}", _CHANGED
        case Rename():
            return "~", f"{change.column} -> {change.new}", f"{cost}, {change.reason}", _CHANGED
        case DropColumn():
            return "-", change.column, f"{cost}, with all that is in it", _REMOVED
