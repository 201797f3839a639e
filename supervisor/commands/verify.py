"""`rtpipe verify`: prove that a table holds what its topic says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.commands.parts.options import BootstrapServers, Json, RegistryUrl, Topics, settings_with_services
from supervisor.commands.parts.output_text import print_json

if TYPE_CHECKING:
    from supervisor.verify.outcome.report import VerifyProgress, VerifyReport
    from supervisor.verify.verify import VerifyOrder


def verify(
    topics: Topics = None,
    values: Annotated[bool, typer.Option("--values", help="Read the topic again and compare every row.")] = False,
    limit: Annotated[int, typer.Option(help="How many differences of each kind to show for each topic.", min=1)] = 20,
    fail_on_dead_letters: Annotated[
        bool, typer.Option("--fail-on-dead-letters", help="Exit code 6 if messages are dead letters instead of rows.")
    ] = False,
    as_json: Json = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Check that everything is consumed and that each table has exactly the rows of its topic.

    Compares Kafka's watermarks with kafka_offsets and the rows counted at COMMIT with the rows in the table. With
    --values it reads every message again and compares every row, and names what is missing, extra or altered. Dead
    letters are counted separately.

    Exit code 0: everything is consumed and equal. 3: not. 6, with --fail-on-dead-letters: equal, but there are dead
    letters. Any other code: the check itself failed and says nothing about the data.

    Examples:
      rtpipe verify --topics dataset1,dataset2,dataset3
      rtpipe verify -t orders --values --json

    """
    from supervisor import partition_plan
    from supervisor.kafka.chosen_topics import chosen_topics
    from supervisor.schemas.shared_registry import SharedRegistry
    from supervisor.settings.fields.registry_settings import files_of_registry, open_registry
    from supervisor.verify.outcome.view import as_json as json_of
    from supervisor.verify.outcome.view import print_report
    from supervisor.verify.verify import VerifyOrder

    settings = settings_with_services(bootstrap_servers, schema_registry_url)
    names = tuple(chosen_topics(settings, topics))
    chosen = {name: settings.topic(name) for name in names}
    order = VerifyOrder(
        kafka=settings.librdkafka(),
        kafka_file=settings.secret_file("kafka"),
        registry=SharedRegistry(lambda: open_registry(settings), files_of_registry(settings)),
        database_url=settings.infra_url,
        database_url_file=settings.infra_url_file,
        topics=names,
        values=values,
        tables={name: partition_plan.table_of(name, topic) for name, topic in chosen.items()},
        subjects={name: topic.subjects() for name, topic in chosen.items()},
        rules={name: topic.rules() for name, topic in chosen.items()},
        groups={name: topic.group for name, topic in chosen.items() if topic.group},
        listed=limit,
    )
    report = _with_progress(order)
    if as_json:
        print_json(json_of(report))
    else:
        print_report(report)
    raise typer.Exit(report.exit_code(fail_on_dead_letters=fail_on_dead_letters))


def _with_progress(order: VerifyOrder) -> VerifyReport:
    """Run it below a progress bar on a terminal; silent elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from supervisor.verify.verify import verify as check

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        tasks: dict[tuple[str, str], int] = {}

        def show(now: VerifyProgress) -> None:
            key = (now.topic, now.stage)
            if key not in tasks:
                tasks[key] = bar.add_task(f"{now.topic} {now.stage}", total=now.total)
            bar.update(tasks[key], completed=now.done)  # type: ignore[arg-type]

        return check(order, progress=show)
