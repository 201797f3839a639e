"""`rtpipe dead-letters list`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.dead_letters.options import Errors, Limit, Offsets, Since, Topics, reading_admin
from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def list_dead_letters(
    topics: Topics = None,
    error: Errors = None,
    since: Since = "",
    offset: Offsets = None,
    limit: Limit = 20,
    dropped: Annotated[bool, typer.Option("--dropped", help="Show those that were dropped instead.")] = False,
    values: Annotated[
        bool, typer.Option("--values", help="Also the beginning of each value, decoded if possible.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count the dead letters by topic and error, and list the newest. Shows nothing of their content unasked.

    Examples:
      rtpipe dead-letters list
      rtpipe dead-letters list --topics orders --error E_VALUE --since 2h --values

    """
    from supervisor.dead_letters import view
    from supervisor.dead_letters.message_text import reader_for
    from supervisor.dead_letters.selection import selection
    from supervisor.settings.settings import load

    chosen = selection(topics, error, offset, since, dropped=dropped)
    admin = reading_admin()
    counts, dead_letters = admin.counts(chosen), admin.newest(chosen, limit, values=values)
    reader = reader_for(load()) if values else None
    if as_json:
        print_json(view.facts_of_list(counts, dead_letters, reader))
    elif counts:
        view.print_list(counts, dead_letters, reader)
    else:
        print("no dead letters" + (" like that" if chosen.narrow or dropped else ""))
