"""`rtpipe table plan`."""

from __future__ import annotations

from typing import Annotated

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.parts.options import Json, RegistryUrl
from supervisor.commands.parts.output_text import print_json
from supervisor.commands.table.options import AcceptUnrelated, OneId, OneSchema, SomeTopics


def plan(
    topics: SomeTopics = None,
    schema: OneSchema = None,
    schema_id: OneId = None,
    accept_unrelated: AcceptUnrelated = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print only the SQL.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit code 3 if anything would change.")] = False,
    as_json: Json = False,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Show how a table must change for a schema: as a diff, with the cost and the exact SQL. Changes nothing.

    The schema is the newest one in the registry, or the one in the file --schema, for example before you register it.

    Exit code 5 if the table cannot take the schema, 3 with --check if something would change.

    Examples:
      rtpipe table plan --topics orders
      rtpipe table plan --schema orders.avsc --check

    """
    from supervisor.schemas.table_plans.table_plan import PlanOptions
    from supervisor.schemas.table_plans.table_plan_view import facts_of, print_plans
    from supervisor.schemas.table_plans.topic_tables import open_tables

    tables = open_tables(topics, schema, schema_id, PlanOptions(accept_unrelated=accept_unrelated), schema_registry_url)
    plans = tables.plans()
    if as_json:
        print_json({"tables": [facts_of(table) for table in plans]})
    elif sql:
        for table in plans:
            for statement in table.statements:
                print(f"{statement};")
    else:
        print_plans(plans)
    tables.refuse(plans)
    raise typer.Exit(ExitCode.DIFFERENT if check and any(table.differs for table in plans) else ExitCode.DONE)
