"""`rtpipe limit`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_topics
from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def rows_per_second(text: str | float) -> float:
    """`500` or `off`, for typer."""
    words = str(text).strip()
    try:
        found = 0.0 if words == "off" else float(words)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise typer.BadParameter(f"{words!r} is neither a number of rows a second, 0 or more, nor off")
    return found


def limit(
    topic: Annotated[str, typer.Argument(help="The topic.", autocompletion=complete_topics)],
    rows: Annotated[
        float, typer.Argument(metavar="ROWS_PER_SECOND", help="Rows a second, or off.", parser=rows_per_second)
    ],
    as_json: Json = False,
) -> None:
    """Limit how many rows a second of a topic are written, until you change it; a limit outlives the supervisor.

    All partitions of the topic share the limit evenly. 0 or off ends it; that of the settings holds again from the
    next start on.

    Examples:
      rtpipe limit orders 500
      rtpipe limit orders off

    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.settings.settings import load
    from supervisor.steering.asking import ask_to

    answer = ask_to("limit", runtime_directory(load().runtime_dir), [topic], rows_per_second=rows)
    if as_json:
        print_json(answer.to_json())
    else:
        limited = f"{rows:g} rows/s" if rows else "no limit"
        print(f"{topic}: {limited} until you change it")
    for where, why in answer.refused.items():
        print(f"{where}: {why}", file=sys.stderr)
    for warning in answer.warnings:
        print(f"warning: {warning}", file=sys.stderr)
