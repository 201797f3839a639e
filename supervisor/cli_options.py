"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from avro_schemas.errors import SettingsError

Topics = Annotated[
    list[str],
    typer.Option("--topics", "-t", help="Topics, separated by commas; may be repeated.", show_default=False),
]
BootstrapServers = Annotated[
    str | None,
    typer.Option("--bootstrap-servers", "-b", help="Kafka, as host:port,…  [env: RTPIPE_BOOTSTRAP_SERVERS]"),
]
RegistryUrl = Annotated[
    str | None,
    typer.Option("--schema-registry-url", help="Schema registry.  [env: RTPIPE_SCHEMA_REGISTRY_URL]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]
LogFormat = Annotated[
    str | None,
    typer.Option("--log-format", help="auto, text or json; auto is text on a terminal.  [env: RTPIPE_LOG_FORMAT]"),
]


def topic_names(given: list[str]) -> list[str]:
    """`a,b` and repeated options as one list in order. Raises SettingsError for none or for one named twice."""
    names = [name.strip() for part in given for name in part.split(",") if name.strip()]
    if not names:
        raise SettingsError("no topic given", hint="for example: --topics dataset1,dataset2,dataset3")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SettingsError(f"topic named twice: {', '.join(doubled)}")
    return names
