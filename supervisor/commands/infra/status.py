"""`rtpipe infra status`."""

from __future__ import annotations

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.infra.options import Directory, stack_directory
from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def status(as_json: Json = False, directory: Directory = None) -> None:
    """Show the services of the embedded stack and where they answer.

    Exit code 0 if all of them answer, 3 if not.

    Examples:
      rtpipe infra status
      rtpipe infra status --json

    """
    from infra.stack.embedded_stack import status as look
    from supervisor.setup.provision_view import print_stack

    found = look(stack_directory(directory))
    if as_json:
        print_json(found.as_dict())
    else:
        print_stack(found)
    raise typer.Exit(ExitCode.DONE if found.running else ExitCode.DIFFERENT)
