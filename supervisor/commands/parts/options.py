"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.commands.parts.completion import complete_partitions, complete_topics, complete_topics_and_partitions
from supervisor.settings.option_values import duration_seconds

if TYPE_CHECKING:
    from supervisor.settings.settings import Settings

Topics = Annotated[
    list[str] | None,
    typer.Option(
        "--topics",
        "-t",
        metavar="TOPICS",
        help="Topics, and patterns such as '^bank\\.', separated by commas; may be repeated.  (serve)",
        show_default=False,
        autocompletion=complete_topics,
    ),
]
TopicNames = Annotated[
    list[str],
    typer.Option(
        "--topics",
        "-t",
        metavar="TOPICS",
        help="Topics, separated by commas; may be repeated.",
        show_default=False,
        autocompletion=complete_topics,
    ),
]
Partition = Annotated[
    str,
    typer.Argument(metavar="TOPIC/PARTITION", help="For example dataset1/0.", autocompletion=complete_partitions),
]
Where = Annotated[
    str | None,
    typer.Argument(
        metavar="TOPIC[/PARTITION]",
        help="A topic, or one partition of it; default: all.",
        show_default=False,
        autocompletion=complete_topics_and_partitions,
    ),
]
BootstrapServers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers", "-b", metavar="HOSTS", help="Kafka, as host:port,…  (RTPIPE_BOOTSTRAP_SERVERS)"
    ),
]
RegistryUrl = Annotated[
    str | None,
    typer.Option("--schema-registry-url", metavar="URL", help="Schema registry.  (RTPIPE_SCHEMA_REGISTRY_URL)"),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schemas",
        metavar="FILE",
        help="File of schemas; default, on the embedded stack: the sample, avro_schemas/schema_before.json.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]
LogFormat = Annotated[
    str | None,
    typer.Option(
        "--log-format", metavar="FORMAT", help="auto, text or json; auto is text on a terminal.  (RTPIPE_LOG_FORMAT)"
    ),
]


def seconds(text: str | float) -> float:
    """`90`, `90s`, `10m`, `8h` and `7d` in seconds, for typer, which also hands over an option's default."""
    found = duration_seconds(str(text))
    if found is None:
        raise typer.BadParameter(f"{text!r} is no duration such as 90s, 10m or 8h")
    return found


def settings_with_services(bootstrap_servers: str | None, schema_registry_url: str | None) -> Settings:
    """Settings in which Kafka, the registry and the database have an address; SettingsError names what has none."""
    from supervisor.settings.settings import load_with

    return load_with(
        "bootstrap_servers",
        "schema_registry_url",
        "database_url",
        bootstrap_servers=bootstrap_servers,
        schema_registry_url=schema_registry_url,
    )


def warn_of_one_account(settings: Settings) -> None:
    """Say on stderr that the writers' account is the one that makes tables, too."""
    if not settings.infra_database_url.get_secret_value():
        typer.echo("warning: RTPIPE_INFRA_DATABASE_URL is not set, so RTPIPE_DATABASE_URL creates the tables", err=True)


def schema_file(path: Path | None) -> Path:
    """`path`, else avro_schemas/schema_before.json in the working directory, else the sample that comes with rtpipe."""
    from avro_schemas.files.datasets import DEFAULT_FILE

    here = Path("avro_schemas") / DEFAULT_FILE.name
    return path or (here if here.exists() else DEFAULT_FILE)
