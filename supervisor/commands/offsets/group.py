"""The group `rtpipe offsets`."""

from __future__ import annotations

import typer

from supervisor.commands.offsets.list import list_offsets
from supervisor.commands.offsets.set import set_offset

app = typer.Typer(help="Stored offsets: show them, or set one.", no_args_is_help=True)
app.command("list")(list_offsets)
app.command("set")(set_offset)
