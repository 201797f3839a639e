"""What a plan means for a schema's rows: their layout, or the error that says who must do what; pure."""

from __future__ import annotations

import dataclasses

from avro_schemas.tables.changes import AddColumn, Change, MakeNullable, Widen, is_left_to_people
from avro_schemas.tables.evolution import EvolutionError
from avro_schemas.tables.layout import TableLayout, with_columns
from infra.tables.alter_table import Alteration
from infra.tables.refused_ddl import TableBusyError
from rtpipe.errors import RtpipeError
from supervisor.schemas.table_plans.table_plan import TablePlan
from workers.contract.refusal import Reason


class DiscardedError(RtpipeError):
    """The table does not fit the schema, and the topic's settings make dead letters of its messages."""

    name = Reason.DISCARDED.value


def layout_without_changes(plan: TablePlan) -> TableLayout:
    """The layout where the settings let nobody change the table. DiscardedError and EvolutionError if they say so.

    Values that only a wider column holds stop their partition one by one.
    """
    evolution, topic, table = plan.target.rules.evolution, plan.target.topic, plan.target.table
    wanted = [*map(str, plan.changes), *plan.refused]
    if plan.placement is None or not wanted:
        return plan.rows
    if evolution == "discard_row":
        raise DiscardedError(f"schema id {plan.target.schema_id} does not fit table {table}: {'; '.join(wanted)}")
    present = {column.name for column in plan.columns}
    lasting = [
        one
        for one in plan.changes
        if not isinstance(one, AddColumn | Widen) and not _takes_fitting_values(one, present)
    ]
    hold = [*map(str, lasting), *(str(one) for one in plan.placement.refused if not one.droppable)]
    if evolution == "freeze" or hold:
        raise EvolutionError(
            f'table {table} does not fit, and evolution = "{evolution}" leaves it as it is: '
            + "; ".join(wanted if evolution == "freeze" else hold),
            hint=f"rtpipe table apply --topics {topic}, then rtpipe resume {topic}",
        )
    return plan.placement.discarding()


def require_no_person(plan: TablePlan) -> None:
    """EvolutionError if a person must change something before rows go in: the schema, or a column of theirs."""
    table, topic = plan.target.table, plan.target.topic
    if plan.refused:
        raise EvolutionError(
            f"table {table} cannot take it: {'; '.join(plan.refused)}",
            hint="change the schema, or the column by hand (`rename` or `columns` in rtpipe.toml may help), then"
            f" rtpipe resume {topic}; docs/schemas.md has the rules",
        )
    present = {column.name for column in plan.columns}
    locked = [one for one in plan.changes if is_left_to_people(one) and not _takes_fitting_values(one, present)]
    if locked:
        statements = "; ".join(one.begin for one in plan.altered_by(locked))
        raise EvolutionError(
            f"table {table} has columns that a person made NOT NULL, and this schema has no value for"
            f" {', '.join(change.column for change in locked)}",
            hint=f"give a default, or let NULL in: {statements}; `rtpipe table apply --topics {topic}` asks and does"
            f" it; then rtpipe resume {topic}",
        )


def require_done(alteration: Alteration, plan: TablePlan, *, done: bool) -> None:
    """EvolutionError if it was not done, for it needs a copy, and rows cannot do without it."""
    if done or all(isinstance(change, Widen) for change in alteration.changes):
        return
    topic = plan.target.topic
    raise EvolutionError(
        f"table {plan.target.table} can be altered only by copying it, which blocks its writers: {alteration.begin}",
        hint=f"rtpipe table apply --topics {topic} does it, then rtpipe resume {topic}; or set allow_copy = true",
    )


def layout_with_rest(plan: TablePlan) -> TableLayout:
    """The layout after rtpipe's own changes. What is left may be columns that stay narrow or NOT NULL, which know the
    statement that helps; TableBusyError for anything else.
    """
    left = [one for one in plan.changes if not isinstance(one, Widen) and not is_left_to_people(one)]
    if plan.refused or left:
        raise TableBusyError(f"table {plan.target.table} was changed by somebody else meanwhile")
    changes = {(change.column, type(change)): change for change in plan.changes}

    def statement(column: str, kind: type[Change]) -> str:
        change = changes.get((column, kind))
        return plan.altered_by([change])[0].sql if change else ""

    columns = [
        dataclasses.replace(column, narrow=statement(column.name, Widen), required=statement(column.name, MakeNullable))
        for column in plan.columns
    ]
    return with_columns(plan.rows, columns, plan.rows.metadata, plan.rows.others)


def _takes_fitting_values(change: Change, present: set[str]) -> bool:
    """Whether rows that fit may go into a person's column as it is: values are looked at one by one."""
    return is_left_to_people(change) and change.column in present
