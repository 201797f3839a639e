"""Does what a table's plan says, by the account that may."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing

from avro_schemas.tables.evolution import EvolutionError
from infra.provision import accounts as who
from infra.provision.accounts import Accounts
from infra.tables.database import Sessions, run
from infra.tables.refused_ddl import TableBusyError
from infra.tables.table_session import connected
from rtpipe.credentials import AccessDeniedError
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor.schemas.table_plans.plan_run import carry_out_all
from supervisor.schemas.table_plans.planned_tables import plan_table
from supervisor.schemas.table_plans.table_plan import PlanOptions, TablePlan, TableTarget

log = get_logger("table")

#: How often, and with what pauses, a table that others hold is tried again.
_TRIES, _PAUSES = 6, PausePolicy.steady(1.0)


def apply_to(target: TableTarget, accounts: Accounts, options: PlanOptions) -> None:
    """`make_fit`, and give the consumer what it lacks on a table that was made."""
    plan = make_fit(target, accounts, options)
    if plan.create:
        _grant(plan, accounts)


def make_fit(target: TableTarget, accounts: Accounts, options: PlanOptions) -> TablePlan:
    """Look again, alone with the table, and do what it needs; what that was. Waits a moment for others to let it go."""
    for _ in range(_TRIES - 1):
        try:
            return _make_fit(target, accounts, options)
        except TableBusyError as busy:
            log.warning("waiting: %s", busy.message)
            time.sleep(_PAUSES.seconds())
    return _make_fit(target, accounts, options)


def _make_fit(target: TableTarget, accounts: Accounts, options: PlanOptions) -> TablePlan:
    """One try, under the table's lock."""
    with connected(accounts.infra, accounts.database, target.table) as session, session.locked():
        plan = plan_table(target, session, options)
        carry_out_all(plan, session)
    return plan


def refuse(plans: Sequence[TablePlan]) -> None:
    """EvolutionError with all that no change of the tables mends; nothing if there is none."""
    if problems := [f"table {one.target.table}: {problem}" for one in plans for problem in one.refused]:
        raise EvolutionError(
            "\n  ".join(problems),
            hint="nothing was changed; give the field another name, or change the column by hand",
        )


def _grant(plan: TablePlan, accounts: Accounts) -> None:
    """AccessDeniedError with the statement if nobody here may give the privileges."""
    table, database = plan.target.table, accounts.database
    if accounts.infra_is_consumer:
        return
    needed = who.table_privileges(table, plan.target.rules)
    with closing(Sessions()) as sessions:
        user = who.login(sessions, accounts.consumer, None) or who.new_user(accounts.consumer)
        with sessions.connected(accounts.consumer, doing="trying its privileges") as connection:
            column = str(plan.layout.table.columns[0].name)
            if not who.missing_privileges(connection, database, table, column, needed):
                return
        sql = who.table_grant_sql(database, table, user, needed)
        try:
            with sessions.connected(accounts.privileged, doing=f"giving privileges to {accounts.consumer.user}") as by:
                run(by, sql)
        except AccessDeniedError as refused:
            raise AccessDeniedError(
                f"table {table} is made, but {refused.message}",
                hint=f"set RTPIPE_ADMIN_DATABASE_URL to an account that may, or have this run:\n  {sql};",
            ) from refused
