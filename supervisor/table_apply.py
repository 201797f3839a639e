"""Does what a table's plan says, by the account that may."""

from __future__ import annotations

from contextlib import closing

from avro_schemas.credentials import AccessDeniedError
from infra import accounts as who
from infra.accounts import Accounts
from infra.database import Sessions, run
from infra.table_session import Cause, TableSession, connected
from supervisor.table_plan import TableAim, TablePlan, Wishes, plan_table


def apply_once(aim: TableAim, accounts: Accounts, wishes: Wishes) -> None:
    """Plan anew under the table's lock, run it, and give the consumer what it lacks on a table that was made."""
    with connected(accounts.infra, accounts.database, aim.table) as session, session.locked():
        plan = plan_table(aim, session, wishes)
        if plan.create:
            session.create(plan.create)
        else:
            _alter(plan, session)
    if plan.create:
        _grant(plan, accounts)


def _alter(plan: TablePlan, session: TableSession) -> None:
    """A person said yes to all of it, a copy included."""
    for alteration in plan.alterations:
        session.alter(alteration, Cause(plan.aim.topic, plan.aim.schema_id), may_copy=True)


def _grant(plan: TablePlan, accounts: Accounts) -> None:
    """AccessDeniedError with the statement if nobody here may give the privileges."""
    table, database = plan.aim.table, accounts.database
    if accounts.infra_is_consumer:
        return
    needed = who.table_privileges(table, plan.aim.rules)
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
