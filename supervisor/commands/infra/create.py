"""`rtpipe infra create`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtpipe.errors import SettingsError
from supervisor.commands.parts.options import (
    BootstrapServers,
    Json,
    RegistryUrl,
    SchemaFile,
    schema_file,
    settings_with_services,
    warn_of_one_account,
)
from supervisor.commands.parts.output_text import print_json


def create(
    schemas: SchemaFile = None,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root", help="Folder in which references of JSON Schema may point to files.", show_default=False
        ),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="The topic, for a file with one schema; default: the name of the record.")
    ] = None,
    partitions: Annotated[
        int | None, typer.Option(help="Partitions of each new topic; default: 3.", min=1, show_default=False)
    ] = None,
    replication_factor: Annotated[
        int | None, typer.Option(help="Replicas; default: 3 or the number of brokers, whichever is less.", min=1)
    ] = None,
    new_versions: Annotated[
        bool, typer.Option("--new-versions", help="Register new versions in subjects that exist, too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan; change nothing.")] = False,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Make Avro subjects, topics, tables and grants from a schema file. A second run changes nothing.

    Each schema gives one subject, one topic and one table. From a schema_before.json it also writes the Avro schemas
    to schema_avro.json beside it, for `rtpipe produce`. Exit code 3 if something exists and differs.

    On the embedded stack you may leave out the file; then it takes the sample that comes with rtpipe. For topics and
    subjects that exist, use `rtpipe setup`.

    Examples:
      rtpipe infra create
      rtpipe infra create --schemas my.json --partitions 6 --dry-run
      rtpipe infra create --schemas order.avsc --topic orders

    """
    from infra.provision import provision
    from rtpipe.log import log_to_stderr
    from supervisor.setup.provision_request import request_of
    from supervisor.setup.provision_view import facts_of, print_items

    settings = settings_with_services(bootstrap_servers, schema_registry_url)
    log_to_stderr("text", settings.log_level)
    if schemas is None and not settings.of_stack:
        raise SettingsError(
            "no schema file given; the sample that comes with rtpipe is for the embedded stack alone",
            hint="for topics that exist: rtpipe setup --topics NAMES; for new ones: rtpipe infra create --schemas FILE",
        )
    warn_of_one_account(settings)
    request = request_of(
        settings,
        schema_file(schemas),
        root=root,
        topic=topic,
        new_versions=new_versions,
        partitions=partitions,
        replication_factor=replication_factor,
    )
    result = provision.plan(request) if dry_run else provision.create(request)
    if as_json:
        print_json(facts_of(result))
    else:
        print_items(result.items, with_sql=dry_run)
    if differing := result.differing_tables:
        typer.echo(f"tables that differ ({', '.join(differing)}): rtpipe table plan shows what helps", err=True)
    raise typer.Exit(result.exit_code)
