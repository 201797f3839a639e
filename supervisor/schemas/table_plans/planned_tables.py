"""Looks at tables and plans them; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from avro_schemas.columns.found_table import FoundTable
from infra.tables.database import Account
from infra.tables.future_table import table_changed, table_made
from infra.tables.table_session import TableSession, connected
from supervisor.schemas.table_plans.table_plan import PlanOptions, TablePlan, TableTarget, plan_existing, plan_new


def plan_tables(
    targets: Iterable[TableTarget], account: Account, database: str, options: PlanOptions
) -> list[TablePlan]:
    """A plan for each; of those that share a table, each for the table as the ones before leave it. Looks alone."""
    plans, coming = [], dict[str, FoundTable]()
    for target in targets:
        with connected(account, database, target.table) as session:
            plan = plan_table(target, session, options, coming.get(target.table))
            if (after := _after(plan, session)) is not None:
                coming[target.table] = after
        plans.append(plan)
    return plans


def _after(plan: TablePlan, session: TableSession) -> FoundTable | None:
    """The table once the plan is carried out; None if it is refused."""
    if plan.found is None:
        server = session.server_facts()
        return table_made(plan.layout.table, mariadb=server.is_mariadb, json_depth=server.json_depth)
    return None if plan.refused else table_changed(plan.found, plan.changes)


def plan_table(
    target: TableTarget, session: TableSession, options: PlanOptions, coming: FoundTable | None = None
) -> TablePlan:
    """`coming`: the table as it will be, instead of the one that is there. Raises as the planner does."""
    found = coming or session.look()
    if found is None:
        return plan_new(target, session.server_facts())
    return plan_existing(target, found, session.database, options)
