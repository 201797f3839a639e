"""The group `rtpipe dead-letters`."""

from __future__ import annotations

import typer

from supervisor.commands.dead_letters import drop, export, retry, show
from supervisor.commands.dead_letters.list import list_dead_letters

app = typer.Typer(help="Messages that could not become rows: show, retry, export or drop them.", no_args_is_help=True)
app.command("list")(list_dead_letters)
app.command()(show.show)
app.command()(retry.retry)
app.command()(export.export)
app.command()(drop.drop)
