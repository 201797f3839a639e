"""`rtpipe infra`: the embedded stack, and what a pipeline needs before it runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from rtpipe.errors import ExitCode, SettingsError
from supervisor.commands.options import (
    BootstrapServers,
    Json,
    RegistryUrl,
    SchemaFile,
    schema_file,
    warn_of_one_account,
)

app = typer.Typer(
    help="The embedded stack (up, down, status) and what a pipeline needs before it runs (create).",
    no_args_is_help=True,
)

Directory = Annotated[
    Path | None,
    typer.Option("--dir", help="Where the stack keeps its data.  (RTPIPE_STACK_DIR)", show_default=False),
]


def _directory(given: Path | None) -> Path:
    from infra.stack.state import default_directory

    return given or default_directory()


@app.command()
def up(
    brokers: Annotated[int | None, typer.Option(help="Kafka brokers; a new stack has 1.", min=1, max=9)] = None,
    directory: Directory = None,
    kafka_port: Annotated[
        int | None, typer.Option(help="Port of the first broker; default: a free one.", min=1, max=65_535)
    ] = None,
    registry_port: Annotated[
        int | None, typer.Option(help="Port of the registry; default: a free one.", min=1, max=65_535)
    ] = None,
    database_port: Annotated[
        int | None, typer.Option(help="Port of MariaDB; default: a free one.", min=1, max=65_535)
    ] = None,
) -> None:
    """Start a real Kafka, schema registry and MariaDB on this machine, with nothing to install but Python.

    The first time downloads about 350 MB. Doing it twice does nothing; after a crash it mends what is missing. Every
    other command then finds the stack by itself. For trying and testing: it binds to this machine only.

    Examples:
      rtpipe infra up

      rtpipe infra up --brokers 3 --dir /var/tmp/three

    """
    from infra.stack.embedded_stack import up as start
    from infra.stack.layout import Wishes
    from infra.stack.state import default_directory

    start(_directory(directory), Wishes(brokers, kafka_port, registry_port, database_port))
    if directory is not None and directory != default_directory():
        typer.echo(f"for other commands:  export RTPIPE_STACK_DIR={directory.absolute()}", err=True)


@app.command()
def down(
    purge: Annotated[bool, typer.Option("--purge", help="Delete topics, schemas and tables, too.")] = False,
    directory: Directory = None,
) -> None:
    """Stop the embedded stack; its data stays, unless --purge deletes it.

    Examples:
      rtpipe infra down

      rtpipe infra down --purge

    """
    from infra.stack.embedded_stack import down as stop

    stop(_directory(directory), purge=purge)


@app.command()
def status(as_json: Json = False, directory: Directory = None) -> None:
    """Show the services of the embedded stack and where they answer.

    Exit code 0 if all of them answer, 3 if not.

    Examples:
      rtpipe infra status

      rtpipe infra status --json

    """
    from infra.stack.embedded_stack import status as look
    from supervisor.setup.provision_view import print_stack

    found = look(_directory(directory))
    if as_json:
        print(json.dumps(found.as_dict(), indent=2))
    else:
        print_stack(found)
    raise typer.Exit(ExitCode.DONE if found.running else ExitCode.DIFFERENT)


@app.command()
def create(
    schemas: SchemaFile = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", help="Folder below which references of JSON Schema may lead.", show_default=False),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="The topic of a file with one schema; default: called like the record.")
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
    """Turn a schema file into Avro subjects, topics, tables and grants; doing it twice changes nothing.

    Each schema gives one subject, one topic and one table. Those of a schema_before.json are also written as Avro to
    schema_avro.json beside it, for `rtpipe produce`. Exit code 3 if something that is there already differs.

    On the embedded stack the file may be left out: then it is the sample that comes with rtpipe. For topics and
    subjects that exist already: rtpipe setup.

    Examples:
      rtpipe infra create

      rtpipe infra create --schemas my.json --partitions 6 --dry-run

      rtpipe infra create --schemas order.avsc --topic orders

    """
    from infra.provision.provision import ProvisionRequest, plan
    from infra.provision.provision import create as make
    from rtpipe.log import log_to_stderr
    from supervisor import partition_plan
    from supervisor.settings import settings as settings_module
    from supervisor.setup.provision_view import print_items

    settings = settings_module.load(bootstrap_servers=bootstrap_servers, schema_registry_url=schema_registry_url)
    settings_module.require(settings, "bootstrap_servers", "schema_registry_url", "database_url")
    log_to_stderr("text", settings.log_level)
    if schemas is None and not settings.of_stack:
        raise SettingsError(
            "no schema file given; the sample that comes with rtpipe is for the embedded stack alone",
            hint="for topics that exist: rtpipe setup --topics NAMES; for new ones: rtpipe infra create --schemas FILE",
        )
    warn_of_one_account(settings)
    infra_url, admin_url = settings.infra_database_url, settings.admin_database_url
    request = ProvisionRequest(
        schemas=schema_file(schemas),
        schema_root=root,
        kafka=settings.librdkafka(),
        registry_url=settings.schema_registry_url.get_secret_value(),
        registry_config=settings.registry,
        database_url=settings.database_url.get_secret_value(),
        infra_database_url=infra_url.get_secret_value() or None,
        admin_database_url=admin_url.get_secret_value() or None,
        topic=topic,
        new_versions=new_versions,
        partitions=partitions,
        replication_factor=replication_factor,
        table_of=lambda topic: partition_plan.table_of(topic, settings.topic(topic)),
        subjects_of=lambda topic: settings.topic(topic).subjects(),
        rules_of=lambda topic: settings.topic(topic).rules(),
    )
    result = plan(request) if dry_run else make(request)
    if as_json:
        print(json.dumps({"schema_version": 1, "items": [dataclasses.asdict(item) for item in result.items]}, indent=2))
    else:
        print_items(result.items, with_sql=dry_run)
    differing = [item.name for item in result.items if item.kind == "table" and item.state == "differs"]
    if differing:
        typer.echo(f"tables that differ ({', '.join(differing)}): rtpipe table plan shows what helps", err=True)
    raise typer.Exit(result.exit_code)


def add_demo_to(root: typer.Typer) -> None:
    """Register `rtpipe demo`, which stands at the top."""
    root.command()(demo)


def demo(
    messages: Annotated[int, typer.Option(help="Messages in all, over three topics.", min=3_000)] = 300_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave stack and supervisor running.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", help="A directory of the demo's own.")] = None,
) -> None:
    """Show the whole story on this machine: rows flow, processes are killed with -9, nothing is lost or doubled.

    Brings up the embedded stack in a directory of its own, fresh each time, produces, supervises, kills a worker, a
    writer and the supervisor in mid-stream, causes backpressure, and at the end compares every message with every
    row. Exit code 0 only if exactly once is proven.

    Examples:
      rtpipe demo

      rtpipe demo --messages 1000000 --keep

    """
    from rich.console import Console

    from supervisor.demo.demo import default_directory
    from supervisor.demo.demo import demo as tell

    console = Console(highlight=False)
    raise typer.Exit(tell(directory or default_directory(), messages, keep=keep, console=console))
