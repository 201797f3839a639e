"""The commands of `rtpipe` as one tree in which all are loaded."""

from __future__ import annotations

from typing import Any

import typer

from supervisor.cli import app
from supervisor.commands.parts.lazy_commands import LazyCommand


def command_tree() -> Any:
    """The group `rtpipe`; a group below it has `commands`, too, and a command has none."""
    root: Any = typer.main.get_command(app)
    for name, command in list(root.commands.items()):
        if isinstance(command, LazyCommand):
            root.commands[name] = command.loaded()
    return root
