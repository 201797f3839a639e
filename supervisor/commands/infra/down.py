"""`rtpipe infra down`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.infra.options import Directory, stack_directory


def down(
    purge: Annotated[bool, typer.Option("--purge", help="Delete topics, schemas and tables, too.")] = False,
    directory: Directory = None,
) -> None:
    """Stop the embedded stack; its data stays, unless --purge deletes it.

    Examples:
      rtpipe infra down
      rtpipe infra down --purge

    """
    from infra.stack.embedded_stack import down as stop

    stop(stack_directory(directory), purge=purge)
