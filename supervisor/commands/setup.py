"""`rtpipe setup`: the database side of topics that exist."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rtpipe.errors import SettingsError
from supervisor.commands.parts.options import (
    BootstrapServers,
    Json,
    RegistryUrl,
    Topics,
    Yes,
    settings_with_services,
    warn_of_one_account,
)
from supervisor.commands.parts.output_text import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.provision.items import ProvisionResult


def setup(
    topics: Topics = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan; change nothing.")] = False,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Make what existing topics need in the database: tables for their schemas, rtpipe's own tables, users, grants.

    Takes the newest schemas from the registry, shows the plan with its SQL, asks, and does it. Kafka and the registry
    are only read. A second run changes nothing. Exit code 3 if a table differs and you must decide.

    Examples:
      rtpipe setup --topics orders,payments
      rtpipe setup --topics orders --dry-run

    """
    from rtpipe.log import log_to_stderr
    from supervisor.kafka.chosen_topics import chosen_topics
    from supervisor.setup.database_setup import Setup

    settings = settings_with_services(bootstrap_servers, schema_registry_url)
    log_to_stderr("text", settings.log_level)
    warn_of_one_account(settings)
    names = chosen_topics(settings, topics)
    work = Setup(settings, names)
    found = work.plan()
    if dry_run or not found.to_do:
        _tell(found, as_json=as_json)
    elif not as_json:
        _tell(found, as_json=False)
    work.refuse()
    if dry_run:
        raise typer.Exit(found.exit_code)
    if found.to_do:
        if not yes:
            _ask()
        found = work.carry_out()
        _tell(found, as_json=as_json, with_sql=False)
    if not as_json:
        _what_next(found, names)
    raise typer.Exit(found.exit_code)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise SettingsError(
            "setup asks before it changes the database, and here is no terminal to ask at; nothing was changed",
            hint="--yes does it without asking; --dry-run prints the plan alone",
        )
    typer.confirm("\nmake this?", abort=True)


def _tell(result: ProvisionResult, *, as_json: bool, with_sql: bool = True) -> None:
    from supervisor.setup.provision_view import facts_of, print_items

    if as_json:
        print_json(facts_of(result))
    else:
        print_items(result.items, with_sql=with_sql)


def _what_next(result: ProvisionResult, names: Sequence[str]) -> None:
    from infra.provision.items import ItemState
    from rtpipe.own_command import own_command

    done = all(item.state is ItemState.THERE for item in result.items)
    how = "all is there already" if done else "done"
    typer.echo(f"\n{how}; next: {own_command()} supervise --topics {','.join(names)}")
