"""`rtpipe doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_topics
from supervisor.commands.parts.options import BootstrapServers, Json, RegistryUrl
from supervisor.commands.parts.output_text import print_json


def doctor(
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topics",
            "-t",
            metavar="TOPICS",
            help="Look at these topics and their tables, too.",
            show_default=False,
            autocompletion=complete_topics,
        ),
    ] = None,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Look at everything that rtpipe needs, and say of each thing: OK, WARN or FAIL, what it means, what to do.

    Kafka, registry, database, their settings, privileges, tables, clocks, limits of this machine. Changes nothing.

    Exit code 0: nothing fails. 3: something does.

    Examples:
      rtpipe doctor
      rtpipe doctor --topics dataset1,dataset2,dataset3

    """
    from supervisor.doctor.diagnosis import diagnose
    from supervisor.doctor.examination import exit_code_of
    from supervisor.doctor.view import facts_of, print_examined
    from supervisor.kafka.chosen_topics import known_topics
    from supervisor.settings.settings import load

    settings = load(bootstrap_servers=bootstrap_servers, schema_registry_url=schema_registry_url)
    examined = diagnose(settings, known_topics(settings, topics) if topics or settings.serve else [])
    if as_json:
        print_json(facts_of(examined))
    else:
        print_examined(examined)
    raise typer.Exit(exit_code_of(examined))
