"""The group `rtpipe schema`."""

from __future__ import annotations

import typer

from supervisor.commands.schema import check, convert

app = typer.Typer(help="Schema files: convert them to Avro, see what tables they give.", no_args_is_help=True)
app.command()(convert.convert)
app.command()(check.check)
