"""`rtpipe produce`: fill topics with sample messages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.parts.options import BootstrapServers, Json, RegistryUrl, TopicNames, schema_file, seconds
from supervisor.commands.parts.output_text import print_json
from supervisor.settings.option_values import topic_names

if TYPE_CHECKING:
    from workers.produce.order import ProduceOrder, ProduceProgress, ProduceResult


def produce(
    topics: TopicNames,
    count: Annotated[int | None, typer.Option(help="Messages for each topic.", show_default=False)] = None,
    duration: Annotated[
        float | None,
        typer.Option(parser=seconds, metavar="TIME", help="How long to send: 90s, 10m, 8h.", show_default=False),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Messages a second over all topics; default: as many as possible.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Producers that share the keys.")] = 2,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same messages.")] = None,
    key: Annotated[str | None, typer.Option(help="Field that is the key; default: each schema's first.")] = None,
    schemas: Annotated[
        Path | None,
        typer.Option(help="Avro schemas; default: schema_avro.json of `rtpipe infra create`, else the registry."),
    ] = None,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Send sample messages to topics: with keys, in order for each key, every delivery confirmed.

    Fails if any message was not acknowledged by Kafka.

    Examples:
      rtpipe produce --topics dataset1,dataset2,dataset3 --count 100000
      rtpipe produce -t dataset1 --rate 500 --duration 10m --seed 7

    """
    from avro_schemas.files.avro_file import avro_path, load_avro
    from supervisor.settings.settings import load_with
    from workers.produce.order import ProduceOrder

    names = tuple(topic_names(topics))
    chosen = schemas or avro_path(schema_file(None))
    settings = load_with(
        "bootstrap_servers",
        "schema_registry_url",
        bootstrap_servers=bootstrap_servers,
        schema_registry_url=schema_registry_url,
    )
    order = ProduceOrder(
        kafka=settings.librdkafka(),
        kafka_file=settings.secret_file("kafka"),
        registry_url=settings.schema_registry_url.get_secret_value(),
        registry_config=settings.registry,
        topics=names,
        subjects={name: settings.topic(name).subjects() for name in names},
        schemas=tuple(load_avro(chosen)) if schemas or chosen.exists() else (),
        count=count,
        duration=duration,
        rate=rate,
        threads=threads,
        seed=seed,
        key=key,
    )
    result = _with_progress(order)
    if as_json:
        print_json(result.to_json())
    else:
        _print_summary(result)
    result.raise_for_failures()
    raise typer.Exit(ExitCode.DONE)


def _with_progress(order: ProduceOrder) -> ProduceResult:
    """Run it below a progress bar on a terminal; silent elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from workers.produce.producer import produce as send

    columns = (
        TextColumn("producing"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} messages"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None, rate=0.0)

        def show(now: ProduceProgress) -> None:
            rate = now.sent / now.seconds if now.seconds else 0.0
            bar.update(task, total=now.total, completed=now.sent, rate=rate)

        return send(order, progress=show)


def _print_summary(result: ProduceResult) -> None:
    print(f"{result.sent:,} messages sent in {result.seconds:.1f} s ({result.rate:,.0f}/s), {result.failed:,} failed")
