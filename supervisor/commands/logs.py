"""`rtpipe logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.options import Json, Where


def logs(
    where: Where = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    count: Annotated[int, typer.Option("--count", "-n", metavar="LINES", help="Newest events to begin with.")] = 50,
    as_json: Json = False,
) -> None:
    """Show the newest events of the supervisors that run here, without access to where their log goes.

    A supervisor keeps its last 2,000 events; `rtpipe history` has those of seven days. With --json a line is an object.

    Examples:
      rtpipe logs -f
      rtpipe logs orders/0 -n 200

    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.history.live_events import LiveEvents, print_events
    from supervisor.settings.option_values import topic_and_partition
    from supervisor.settings.settings import load

    topic, partition = topic_and_partition(where) if where else (None, None)
    events = LiveEvents(runtime_directory(load().runtime_dir), topic, partition)
    print_events(events, count, follow=follow, as_json=as_json)
