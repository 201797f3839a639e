"""`rtpipe bench`."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from supervisor.commands.parts.options import BootstrapServers, Json, RegistryUrl, seconds, settings_with_services
from supervisor.commands.parts.output_text import print_json


def bench(
    topic: Annotated[str, typer.Option("--topic", help="A topic of yours, which is only read.")] = "",
    messages: Annotated[int, typer.Option(help="Messages of each round, at most.", min=1_000)] = 300_000,
    partitions: Annotated[int, typer.Option(help="Partitions of the topic that is made.", min=1, max=100)] = 6,
    rounds: Annotated[int, typer.Option(help="How often rtpipe and the bare database take turns.", min=1)] = 3,
    duration: Annotated[
        float, typer.Option(parser=seconds, metavar="TIME", help="How long a run goes on after its first row: 60s, 5m.")
    ] = 60,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Measure rows per second on your own stack, beside what your database takes at most from the same connections.

    Makes a database and a topic, both named bench_rtpipe_..., and removes them at the end, also after Ctrl-C. With
    --topic the messages come from a topic of yours, which is only read; its rows go into that database, too. It needs
    an account that may make a database. It keeps Kafka, the database and this machine busy: mind who else needs them.

    Examples:
      rtpipe bench
      rtpipe bench --topic orders --messages 1000000

    """
    from supervisor.bench.user_bench import Order, user_bench
    from supervisor.bench.user_view import as_json as json_of
    from supervisor.bench.user_view import print_findings

    settings = settings_with_services(bootstrap_servers, schema_registry_url)
    order = Order(topic, messages, partitions, rounds, duration)
    found = user_bench(settings, order, functools.partial(typer.echo, err=True))
    if as_json:
        print_json(json_of(found))
    else:
        print_findings(found)
