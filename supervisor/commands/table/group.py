"""The group `rtpipe table`."""

from __future__ import annotations

import typer

from supervisor.commands.table import apply, plan

app = typer.Typer(help="Tables: what a schema or its next version needs, shown or done.", no_args_is_help=True)
app.command()(plan.plan)
app.command()(apply.apply)
