"""Options of the commands about tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_topics

SomeTopics = Annotated[
    list[str] | None,
    typer.Option(
        "--topics",
        "-t",
        metavar="TOPICS",
        help="Topics, separated by commas; default: those of --schema.",
        show_default=False,
        autocompletion=complete_topics,
    ),
]
OneSchema = Annotated[
    Path | None,
    typer.Option("--schema", help="A file with the schema, instead of the newest in the registry.", show_default=False),
]
OneId = Annotated[
    int | None,
    typer.Option(
        "--schema-id", help="The schema with this id in the registry, instead of the newest.", show_default=False
    ),
]
AcceptUnrelated = Annotated[
    bool,
    typer.Option("--accept-unrelated", help="Take the table even if it has no column of this schema."),
]
