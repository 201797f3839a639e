"""`rtpipe reload`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def reload(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make the running supervisors read their settings again. Only partitions that a change needs are restarted.

    Topics that `serve` names now are served, those that it names no more are drained and given up. The output names the
    settings that cannot change while a supervisor runs. SIGHUP does the same.

    Examples:
      rtpipe reload --dry-run
      rtpipe reload

    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.settings.settings import load
    from supervisor.steering.asking import ask_to_reload

    replies = ask_to_reload(runtime_directory(load().runtime_dir), dry_run=dry_run)
    if as_json:
        print_json({"supervisors": replies})
        return
    for reply in replies:
        print("\n".join(reply["changes"]) or "nothing changes")
        for waits in reply["not_live"]:
            print(f"{waits}: only when the supervisor starts again")
        for note in reply.get("notes", ()):
            print(note)
        if reply["restarted"]:
            print(f"restarting {', '.join(reply['restarted'])}")
