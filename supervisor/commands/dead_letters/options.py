"""Options of the commands about dead letters, and the selection that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.commands.parts.completion import complete_listed_partitions

if TYPE_CHECKING:
    from supervisor.dead_letters.admin import DeadLetterAdmin

Topics = Annotated[
    list[str] | None,
    typer.Option(
        "--topics",
        "-t",
        metavar="TOPICS",
        help="TOPIC or TOPIC/PARTITION, separated by commas; may be repeated; default: all.",
        autocompletion=complete_listed_partitions,
    ),
]
Errors = Annotated[
    list[str] | None,
    typer.Option("--error", "-e", metavar="NAME", help="Name of an error, such as E_VALUE; may be repeated."),
]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Written since 30m, 2h, 7d, or a time in UTC by ISO 8601.")
]
Offsets = Annotated[
    list[str] | None,
    typer.Option("--offset", metavar="OFFSETS", help="Offsets and ranges, as 17,20-25; needs --topics."),
]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", help="Show at most this many dead letters.", min=1)]


def reading_admin() -> DeadLetterAdmin:
    """With whichever account there is: both may read."""
    from supervisor.dead_letters.admin import DeadLetterAdmin
    from supervisor.settings.settings import load, require

    settings = load()
    url = settings.database_url.get_secret_value() or settings.infra_database_url.get_secret_value()
    if not url:
        require(settings, "database_url")
    return DeadLetterAdmin(url, settings.database_seconds)
