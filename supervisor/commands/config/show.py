"""`rtpipe config show`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_topics
from supervisor.commands.parts.options import BootstrapServers, Json, RegistryUrl
from supervisor.commands.parts.output_text import print_json
from supervisor.settings.option_values import topic_names


def show(
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topics",
            "-t",
            metavar="TOPICS",
            help="Also all settings of these topics.",
            show_default=False,
            autocompletion=complete_topics,
        ),
    ] = None,
    origin: Annotated[bool, typer.Option("--origin", help="Also say where each value came from.")] = False,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Show every setting as rtpipe sees it here, by its sources. A secret is ***.

    With --topics also what holds for each topic, after `[defaults]` and the first `[[topics]]` block that matches.

    Examples:
      rtpipe config show --origin
      rtpipe config show --topics orders --origin --json

    """
    from supervisor.settings.origins import known_settings, topic_settings
    from supervisor.settings.origins_view import facts_of, print_settings
    from supervisor.settings.settings import load

    flags = {"bootstrap_servers": bootstrap_servers, "schema_registry_url": schema_registry_url}
    settings = load(**flags)
    known = known_settings(settings, **flags)
    of_topics = {name: topic_settings(settings, name) for name in (topic_names(topics) if topics else ())}
    if as_json:
        print_json(facts_of(known, of_topics))
    else:
        print_settings(known, of_topics, origins=origin)
