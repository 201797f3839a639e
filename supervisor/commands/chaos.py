"""`rtpipe chaos`."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.parts.options import Json, seconds
from supervisor.commands.parts.output_text import print_json


def chaos(
    duration: Annotated[
        float, typer.Option(parser=seconds, metavar="TIME", help="How long to make faults: 60s, 10m, 8h.")
    ] = 60,
    rate: Annotated[int, typer.Option(help="Messages a second.", min=10)] = 2_000,
    partitions: Annotated[int, typer.Option(help="Partitions of the topic.", min=1, max=100)] = 3,
    seed: Annotated[
        int | None, typer.Option(help="The same seed gives the same faults; default: a random one, which is shown.")
    ] = None,
    hosts: Annotated[
        int, typer.Option(help="Supervisors that share the partitions; whole ones are killed and frozen, too.", min=1)
    ] = 1,
    as_json: Json = False,
) -> None:
    """Prove exactly once on your test stack: random kill -9 and freezes under load, then every row is compared.

    Makes a topic and a table named chaos_SEED, which stay, and changes nothing else. It kills only processes that it
    started. Not for production: it needs an account that may create tables.

    Exit code 0: nothing is lost, doubled or altered, and no process is left. 3: not.

    Examples:
      rtpipe chaos --duration 60s
      rtpipe chaos --duration 8h --seed 7 --json
      rtpipe chaos --duration 10m --hosts 3 --partitions 9

    """
    from supervisor.demo.chaos.chaos_run import run_chaos
    from supervisor.demo.chaos.chaos_view import print_report
    from supervisor.settings.settings import load_with

    settings = load_with("bootstrap_servers", "schema_registry_url", "database_url")
    say = functools.partial(typer.echo, err=True)
    report = run_chaos(settings, say, duration=duration, rate=rate, partitions=partitions, seed=seed, hosts=hosts)
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    raise typer.Exit(ExitCode.DONE if report.ok else ExitCode.DIFFERENT)
