"""`rtpipe table`: what a schema needs of its table, shown or done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtpipe.errors import ExitCode, SettingsError
from supervisor.commands.options import Json, RegistryUrl, topic_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.provision.accounts import Accounts
    from supervisor.schemas.table_plan import TablePlan
    from supervisor.settings.settings import Settings

app = typer.Typer(help="Tables: what a schema or its next version needs, shown or done.", no_args_is_help=True)

SomeTopics = Annotated[
    list[str] | None,
    typer.Option("--topics", "-t", help="Topics, separated by commas; default: those of --schema.", show_default=False),
]
OneSchema = Annotated[
    Path | None,
    typer.Option("--schema", help="A file with the schema, instead of the newest in the registry.", show_default=False),
]
OneId = Annotated[
    int | None,
    typer.Option("--schema-id", help="The registry's schema of this id, instead of the newest.", show_default=False),
]
AcceptUnrelated = Annotated[
    bool,
    typer.Option("--accept-unrelated", help="The table is the topic's though it has no column of this schema."),
]


@app.command()
def plan(
    topics: SomeTopics = None,
    schema: OneSchema = None,
    schema_id: OneId = None,
    accept_unrelated: AcceptUnrelated = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print nothing but the SQL.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit code 3 if anything would change.")] = False,
    as_json: Json = False,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Show what a schema needs of its table: as a diff, with its cost and the exact SQL. Changes nothing.

    The schema is the newest one in the registry, or that of --schema, before you register it.

    Exit code 5 if the table cannot take the schema, 3 with --check if something would change.

    Examples:
      rtpipe table plan --topics orders

      rtpipe table plan --schema orders.avsc --check

    """
    from supervisor.schemas.planned_tables import plan_tables
    from supervisor.schemas.table_apply import refuse
    from supervisor.schemas.table_plan import PlanOptions
    from supervisor.schemas.table_plan_view import as_json as for_programs
    from supervisor.schemas.table_targets import targets

    settings, accounts = _settings(schema_registry_url, needs_registry=schema is None)
    options = PlanOptions(accept_unrelated=accept_unrelated)
    wanted = targets(settings, topic_names(topics) if topics else [], schema, schema_id)
    plans = plan_tables(wanted, accounts.infra, accounts.database, options)
    if as_json:
        print(json.dumps({"schema_version": 1, "tables": [for_programs(one) for one in plans]}, indent=2))
    elif sql:
        for one in plans:
            for statement in one.statements:
                print(f"{statement};")
    else:
        _show(plans)
    refuse(plans)
    raise typer.Exit(ExitCode.DIFFERENT if check and any(one.differs for one in plans) else ExitCode.DONE)


@app.command()
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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Do what `rtpipe table plan` shows: create the table, or alter it. Doing it twice changes nothing.

    Asks before it copies a table, which blocks its writers, before it drops a column, and before it changes one that a
    person made. Works beside a running supervisor; where a partition waits for the change: rtpipe resume.

    Examples:
      rtpipe table apply --topics orders

      rtpipe table apply --topics orders --accept-rename --yes

    """
    from supervisor.schemas.planned_tables import plan_tables
    from supervisor.schemas.table_apply import apply_to, refuse
    from supervisor.schemas.table_plan import PlanOptions
    from supervisor.schemas.table_targets import targets

    settings, accounts = _settings(schema_registry_url, needs_registry=schema is None)
    options = PlanOptions(accept_rename=accept_rename, drop=drop, accept_unrelated=accept_unrelated)
    wanted = targets(settings, topic_names(topics) if topics else [], schema, schema_id)
    if drop and (shared := [one.topic for one in wanted if settings.topic(one.topic).subjects().by_record]):
        raise SettingsError(
            f"--drop: topic {shared[0]} has a subject for each record: a column that one record does not fill may be"
            " another's",
            hint="drop it by hand",
        )
    plans = plan_tables(wanted, accounts.infra, accounts.database, options)
    _show(plans)
    refuse(plans)
    if any(one.costly for one in plans) and not yes:
        for one in plans:
            for question in one.questions:
                typer.echo(f"{one.target.table}: this {question}")
        typer.confirm("go on?", abort=True)
    for one in plans:
        if one.differs:
            apply_to(one.target, accounts, options)
            print(f"{one.target.table}: done")


def _settings(schema_registry_url: str | None, *, needs_registry: bool) -> tuple[Settings, Accounts]:
    from rtpipe.log import log_to_stderr
    from supervisor.settings import settings as settings_module

    settings = settings_module.load(schema_registry_url=schema_registry_url)
    settings_module.require(settings, "database_url", *(["schema_registry_url"] if needs_registry else []))
    log_to_stderr("text", settings.log_level)
    return settings, settings_module.accounts(settings)


def _show(plans: Sequence[TablePlan]) -> None:
    from rich.console import Console

    from supervisor.schemas.table_plan_view import print_plan

    console = Console(highlight=False, soft_wrap=True)
    for one in plans:
        print_plan(one, console)
