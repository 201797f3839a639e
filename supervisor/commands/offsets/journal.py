"""`rtpipe offsets journal`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.options import Json, Partition
from supervisor.commands.parts.output_text import print_json


def journal(
    partition: Partition,
    offset: Annotated[
        int | None,
        typer.Option("--offset", metavar="OFFSET", help="Only what read or wrote this one.", min=0, show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("-n", help="At most so many, the newest.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """Show which batches moved the offset of a partition, when, by which host; needs `journal = true` for the topic.

    Examples:
      rtpipe offsets journal dataset1/0
      rtpipe offsets journal dataset1/0 --offset 4711 --json

    """
    from supervisor.journal.journal_reader import read_journal
    from supervisor.journal.journal_view import facts_of, print_journal
    from supervisor.settings.option_values import partition_key
    from supervisor.settings.settings import load_with

    key = partition_key(partition)
    settings = load_with("database_url")
    found = read_journal(settings, key, offset, limit)
    if as_json:
        print_json({"journal": [facts_of(one) for one in found]})
    elif found:
        print_journal(found)
    else:
        with_it = "" if offset is None else f" with offset {offset}"
        why = "" if settings.topic(key.topic).journal else f"; journal = true for {key.topic} turns it on"
        print(f"the journal has no row of {key}{with_it}{why}")
