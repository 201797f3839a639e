"""`rtpipe table apply`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.options import RegistryUrl, Yes
from supervisor.commands.table.options import AcceptUnrelated, OneId, OneSchema, SomeTopics


def apply(
    topics: SomeTopics = None,
    schema: OneSchema = None,
    schema_id: OneId = None,
    accept_rename: Annotated[
        bool, typer.Option("--accept-rename", help="Rename the column of a field that has the old name as an alias.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop the columns that only older versions of the schema fill.")
    ] = False,
    accept_unrelated: AcceptUnrelated = False,
    yes: Yes = False,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Do what `rtpipe table plan` shows: create the table, or alter it. A second run changes nothing.

    Asks before it copies a table (which blocks its writers), drops a column, or changes a column that a person made.
    Works beside a running supervisor. If a partition is held for the change, run `rtpipe resume` afterwards.

    Examples:
      rtpipe table apply --topics orders
      rtpipe table apply --topics orders --accept-rename --yes

    """
    from supervisor.schemas.table_plans.table_plan import PlanOptions
    from supervisor.schemas.table_plans.table_plan_view import print_plans
    from supervisor.schemas.table_plans.topic_tables import open_tables

    options = PlanOptions(accept_rename=accept_rename, drop=drop, accept_unrelated=accept_unrelated)
    tables = open_tables(topics, schema, schema_id, options, schema_registry_url)
    plans = tables.plans()
    print_plans(plans)
    tables.refuse(plans)
    if any(table.questions for table in plans) and not yes:
        for table in plans:
            for question in table.questions:
                typer.echo(f"{table.target.table}: this {question}")
        typer.confirm("continue?", abort=True)
    for name in tables.apply(plans):
        print(f"{name}: done")
