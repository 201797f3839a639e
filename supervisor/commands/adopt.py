"""`rtpipe adopt`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_topics
from supervisor.commands.parts.options import Yes


def adopt(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic.", autocompletion=complete_topics)],
    yes: Yes = False,
) -> None:
    """Accept a topic that was deleted and made again, or another cluster: begin at its first messages.

    The rows of the old topic stay in the table. `rtpipe verify` shows them as extra, because the new topic has no
    messages for them.

    Example:
      rtpipe adopt dataset1

    """
    from supervisor.admin.offset_work import OffsetWork
    from supervisor.settings.settings import load_with

    work = OffsetWork(load_with("bootstrap_servers", "database_url"))
    adoption = work.adoption(topic)
    for line in adoption.words():
        print(line)
    if not yes:
        typer.confirm("continue?", abort=True)
    work.adopt(adoption)
    print(f"{topic}: adopted; where a supervisor runs: rtpipe resume {topic}")
