"""`rtpipe offsets list`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_topics
from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def list_offsets(
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topics", "-t", metavar="TOPICS", help="Only these; default: all.", autocompletion=complete_topics
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what kafka_offsets holds beside where each partition's log begins and ends.

    Examples:
      rtpipe offsets list
      rtpipe offsets list --topics dataset1 --json

    """
    from supervisor.admin.offset_view import facts_of, print_offsets
    from supervisor.admin.offset_work import OffsetWork
    from supervisor.kafka.chosen_topics import chosen_topics
    from supervisor.settings.settings import load_with

    settings = load_with("bootstrap_servers", "database_url")
    found = OffsetWork(settings).known(chosen_topics(settings, topics) if topics else ())
    if as_json:
        print_json({"offsets": [facts_of(partition) for partition in found]})
    else:
        print_offsets(found)
