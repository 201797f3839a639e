"""`rtpipe demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    messages: Annotated[int, typer.Option(help="Messages in all, over three topics.", min=3_000)] = 300_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack and the supervisor running.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", help="The demo's directory.")] = None,
) -> None:
    """Show everything on this machine: rows flow, processes are killed with -9, nothing is lost or doubled.

    Starts a fresh embedded stack in its own directory, produces, supervises, kills a worker, a writer and the
    supervisor while messages flow, causes backpressure, and at the end compares every message with every row. Exit
    code 0 only if exactly once is proven.

    Examples:
      rtpipe demo
      rtpipe demo --messages 1000000 --keep

    """
    from rich.console import Console

    from supervisor.demo.demo import default_directory
    from supervisor.demo.demo import demo as run_demo

    console = Console(highlight=False)
    raise typer.Exit(run_demo(directory or default_directory(), messages, keep=keep, console=console))
