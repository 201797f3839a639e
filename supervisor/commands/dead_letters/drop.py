"""`rtpipe dead-letters drop`."""

from __future__ import annotations

import sys

import typer

from rtpipe.errors import SettingsError
from supervisor.commands.dead_letters.options import Errors, Offsets, Since, Topics
from supervisor.commands.parts.options import Yes


def drop(
    topics: Topics = None,
    error: Errors = None,
    offset: Offsets = None,
    since: Since = "",
    yes: Yes = False,
) -> None:
    """Give up dead letters: delete their content for ever. Shows how many, and asks.

    The rest stays, so that `rtpipe verify` does not count their messages as lost. list --dropped shows them.

    Example:
      rtpipe dead-letters drop --topics orders --error E_WIRE_FORMAT

    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.dead_letters import view
    from supervisor.dead_letters.admin import DeadLetterAdmin
    from supervisor.dead_letters.selection import selection
    from supervisor.settings.settings import load_with
    from supervisor.steering.dead_letter_acts import tell_dropped

    chosen = selection(topics, error, offset, since)
    if not chosen.narrow:
        raise SettingsError("drop needs to know which dead letters", hint="--topics, --error, --since or --offset")
    settings = load_with("database_url")
    admin = DeadLetterAdmin(settings.database_url.get_secret_value(), settings.database_seconds)
    until, counts = admin.now(), admin.counts(chosen)
    if not counts:
        print("no dead letters like that")
        return
    view.console().print(view.counts_table(counts))
    print("their keys, values and headers will be deleted; `rtpipe dead-letters export` keeps a copy")
    if not yes:
        if not sys.stdin.isatty():
            raise SettingsError("nobody is there to ask", hint="--yes drops without asking")
        typer.confirm("continue?", abort=True)
    dropped = admin.drop_all(chosen, until)
    tell_dropped(runtime_directory(settings.runtime_dir), dropped)
    print(f"{dropped.total():,} dropped")
