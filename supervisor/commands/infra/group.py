"""The group `rtpipe infra`."""

from __future__ import annotations

import typer

from supervisor.commands.infra import create, down, status, up

app = typer.Typer(
    help="The embedded stack (up, down, status) and what a pipeline needs before it runs (create).",
    no_args_is_help=True,
)
app.command()(up.up)
app.command()(down.down)
app.command()(status.status)
app.command()(create.create)
