"""`rtpipe support-bundle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_topics
from supervisor.settings.option_values import topic_names


def support_bundle(
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topics",
            "-t",
            metavar="TOPICS",
            help="Look at these, too; those of running supervisors always are.",
            show_default=False,
            autocompletion=complete_topics,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A .tar.gz; default: one in this directory, by the time."),
    ] = None,
) -> None:
    """Write one file for somebody who helps: versions, settings, status, doctor's findings, events. No secrets.

    Passwords and properties that may be secret are ***. If a service does not answer, its part is left out,
    with the reason. The file has names of hosts, topics and columns, but no message: look at it before you send it.

    Examples:
      rtpipe support-bundle
      rtpipe support-bundle --topics orders -o /tmp/orders.tar.gz

    """
    import time

    from supervisor.bundle.archive import write_bundle
    from supervisor.bundle.parts import gathered
    from supervisor.settings.masking import secrets_of

    path = output or Path(f"rtpipe-support-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.tar.gz")
    parts, settings = gathered(topic_names(topics) if topics else [])
    for name, size in write_bundle(path, parts, secrets_of(settings) if settings is not None else ()):
        lacks = parts[name].get("error_name")
        print(f"{size:>9,} bytes  {name}{f'  ({lacks})' if lacks else ''}")
    print(f"written to {path}")
