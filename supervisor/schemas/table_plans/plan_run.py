"""Runs what a plan says, statement by statement: rtpipe's own part of it, or all of it on a person's word."""

from __future__ import annotations

from collections.abc import Iterator

from avro_schemas.columns.verdict import Cost
from infra.tables.alter_table import Alteration
from infra.tables.table_session import TableSession
from supervisor.schemas.table_plans.table_plan import TablePlan


def carried_out(plan: TablePlan, session: TableSession, *, may_copy: bool) -> Iterator[tuple[Alteration, bool]]:
    """Rtpipe's own part, and whether each was done: the cheapest first, those that copy the table only if they may.

    Raises as TableSession.alter does.
    """
    for alteration in plan.own_alterations:
        if may_copy or alteration.cost is not Cost.COPY:
            yield alteration, session.alter(alteration, plan.cause, may_copy=may_copy)


def carry_out_all(plan: TablePlan, session: TableSession) -> None:
    """A person said yes to all of it: the table is made, or altered by a copy, too."""
    if plan.create:
        session.create(plan.create)
    for alteration in plan.alterations:
        session.alter(alteration, plan.cause, may_copy=True)
