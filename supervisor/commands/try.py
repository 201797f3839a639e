"""`rtpipe try`; its function has a line at the end, since `try` is a word of Python."""
# ruff: noqa: N999

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.options import BootstrapServers, Json, RegistryUrl, Topics, settings_with_services
from supervisor.commands.parts.output_text import print_json


def try_(
    topics: Topics = None,
    rows: Annotated[int, typer.Option("--rows", help="At most so many messages of each topic.", min=1)] = 10_000,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Say what would become of the next messages: rows, dead letters, changes of the table. Keeps nothing.

    Reads, decodes and writes them as supervise would, in transactions that are rolled back. Tables are not changed:
    where one is missing or must change, rows are encoded, not written. Works beside a running supervisor.

    Exit code 0: all would be rows. 6: some would be dead letters. 3: a partition would stop, or a table must change.

    Examples:
      rtpipe try --topics orders
      rtpipe try --topics orders,payments --rows 1000 --json

    """
    from rtpipe.log import log_to_stderr
    from supervisor.kafka.chosen_topics import chosen_topics
    from supervisor.trial import view
    from supervisor.trial.outcome import exit_code_of
    from supervisor.trial.trial import try_topics

    settings = settings_with_services(bootstrap_servers, schema_registry_url)
    log_to_stderr("text", "WARNING")
    trials = []
    for trial in try_topics(settings, chosen_topics(settings, topics), rows):
        trials.append(trial)
        if not as_json:
            view.print_trial(trial)
    if as_json:
        print_json(view.all_facts(trials))
    raise typer.Exit(exit_code_of(trials))
