"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtpipe.errors import SettingsError

if TYPE_CHECKING:
    from supervisor.settings.settings import Settings

Topics = Annotated[
    list[str],
    typer.Option("--topics", "-t", help="Topics, separated by commas; may be repeated.", show_default=False),
]
BootstrapServers = Annotated[
    str | None,
    typer.Option("--bootstrap-servers", "-b", help="Kafka, as host:port,…  (RTPIPE_BOOTSTRAP_SERVERS)"),
]
RegistryUrl = Annotated[
    str | None,
    typer.Option("--schema-registry-url", help="Schema registry.  (RTPIPE_SCHEMA_REGISTRY_URL)"),
]
SchemaFile = Annotated[
    Path | None,
    typer.Option(
        "--schemas",
        help="File of schemas; default, on the embedded stack: the sample, avro_schemas/schema_before.json.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]
LogFormat = Annotated[
    str | None,
    typer.Option("--log-format", help="auto, text or json; auto is text on a terminal.  (RTPIPE_LOG_FORMAT)"),
]


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0}


def seconds(text: str) -> float:
    """`90`, `90s`, `10m` and `8h` in seconds; more than none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found or not float(found[1]):
        raise typer.BadParameter(f"{text!r} is no duration such as 90s, 10m or 8h")
    return float(found[1]) * _UNITS[found[2]]


def topic_names(given: list[str]) -> list[str]:
    """`a,b` and repeated options as one list in order. Raises SettingsError for none or for one named twice."""
    names = [name.strip() for part in given for name in part.split(",") if name.strip()]
    if not names:
        raise SettingsError("no topic given", hint="for example: --topics dataset1,dataset2,dataset3")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SettingsError(f"topic named twice: {', '.join(doubled)}", hint="name each topic once")
    return names


def warn_of_one_account(settings: Settings) -> None:
    """Say on stderr that the writers' account is the one that makes tables, too."""
    if not settings.infra_database_url.get_secret_value():
        typer.echo("warning: RTPIPE_INFRA_DATABASE_URL is not set, so RTPIPE_DATABASE_URL creates the tables", err=True)


def schema_file(given: Path | None) -> Path:
    """`given`; else avro_schemas/schema_before.json here, and where there is none, the one that came with rtpipe."""
    from avro_schemas.files.datasets import DEFAULT_FILE

    here = Path("avro_schemas") / DEFAULT_FILE.name
    return given or (here if here.exists() else DEFAULT_FILE)
