"""`rtpipe history`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.options import Json, Where
from supervisor.commands.parts.output_text import print_json


def history(
    where: Where = None,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From 30m, 2h, 7d ago, 03:12, or a date and time, in UTC.")
    ] = "1h",
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Up to then; default: now.", show_default=False)
    ] = None,
    minutes: Annotated[bool, typer.Option("--minutes", help="Also rows, lag and state of each minute.")] = False,
    as_json: Json = False,
) -> None:
    """Show what happened in the last seven days: starts, deaths, altered tables, halts, outages, what a person did.

    Needs no supervisor that runs: it reads the file that supervisors write in `state_dir`.

    Examples:
      rtpipe history --since 03:00 --until 03:30
      rtpipe history orders/0 --since 2d --minutes

    """
    import dataclasses
    import time

    from rtpipe.clock import timestamp
    from supervisor.history.history_reader import Span
    from supervisor.history.history_view import event_line, minute_lines
    from supervisor.history.look_back import look_back
    from supervisor.settings.option_values import moment, topic_and_partition
    from supervisor.settings.settings import load
    from supervisor.settings.state_directory import HISTORY_FILE, state_directory

    topic, partition = topic_and_partition(where) if where else (None, None)
    begin = timestamp(moment("--since", since).timestamp())
    end = timestamp(moment("--until", until).timestamp() if until else time.time())
    found = look_back(state_directory(load().state_dir) / HISTORY_FILE, Span(begin, end, topic, partition))
    if as_json:
        facts = {"events": [dataclasses.asdict(event) for event in found.events]}
        if minutes:
            facts |= {"minutes": [dataclasses.asdict(minute) for minute in found.minutes]}
        print_json(facts)
        return
    for event in found.events:
        print(event_line(event))
    if not found.events:
        print(f"nothing happened from {begin} to {end}")
    if minutes:
        print("", *minute_lines(found.minutes), sep="\n")
