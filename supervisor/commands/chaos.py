"""`rtpipe chaos`."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.options import Json, seconds

if TYPE_CHECKING:
    from supervisor.demo.chaos import ChaosReport


def add_to(root: typer.Typer) -> None:
    """Register the command."""
    root.command()(chaos)


def chaos(
    duration: Annotated[
        float, typer.Option(parser=seconds, metavar="TIME", help="How long faults go on: 60s, 10m, 8h.")
    ] = 60,
    rate: Annotated[int, typer.Option(help="Messages a second.", min=10)] = 2_000,
    partitions: Annotated[int, typer.Option(help="Partitions of the topic.", min=1, max=100)] = 3,
    seed: Annotated[int | None, typer.Option(help="Repeat a run; default: by chance, and shown.")] = None,
    as_json: Json = False,
) -> None:
    """Prove it on your own test stack: random kill -9 and freezes on a moving stream, then every row is compared.

    Makes a topic and a table named chaos_SEED, which stay, and touches nothing else. Not for production: what it
    needs is an account that may create tables, and it kills only processes that it started itself.

    Exit code 0: nothing lost, nothing twice, nothing altered, nobody left behind. 3: not.

    Examples:
      rtpipe chaos --duration 60s

      rtpipe chaos --duration 8h --seed 7 --json

    """
    from supervisor.demo.chaos import Chaos, write_settings
    from supervisor.demo.pipeline_driver import PipelineDriver
    from supervisor.settings import settings as settings_module

    settings = settings_module.load()
    settings_module.require(settings, "bootstrap_servers", "schema_registry_url", "database_url")
    seed = random.randrange(10**6) if seed is None else seed
    topic = f"chaos_{seed}_{random.randrange(10**6)}"
    with tempfile.TemporaryDirectory(prefix="rtpipe-chaos-") as name:
        directory = Path(name)
        write_settings(directory)
        fields = {"key": "string(64)", "number": "long", "share": "double", "text": "string", "at": "timestamp-micros"}
        (directory / "schema_before.json").write_text(json.dumps([{"name": topic, "fields": fields}]))
        driver = PipelineDriver(directory, [topic], settings_module.as_environment(settings))
        try:
            created = ("infra", "create", "--schemas", str(directory / "schema_before.json"))
            driver.run(*created, "--partitions", str(partitions))
            typer.echo(f"seed {seed}, topic and table {topic}", err=True)
            run = Chaos(driver, settings.database_url.get_secret_value(), seed, lambda line: typer.echo(line, err=True))
            report = run.run(duration, rate)
        finally:
            driver.stop()
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        _print(report)
    raise typer.Exit(ExitCode.DONE if report.ok else ExitCode.DIFFERENT)


def _print(report: ChaosReport) -> None:
    from rich.console import Console
    from rich.table import Table

    facts = report.to_json()
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    titles = {"FAULT": "all", "TIMES": str(facts["faults"])}
    titles |= {"RECOVERY P50 s": f"{facts['recovery_p50']:.2f}", "P99 s": f"{facts['recovery_p99']:.2f}"}
    for title, footer in titles.items():
        table.add_column(title, footer=footer, justify="left" if title == "FAULT" else "right")
    for kind, times in sorted(facts["faults_by_kind"].items()):
        table.add_row(kind, str(times), f"{report.recovery(0.5, kind):.2f}", f"{report.recovery(0.99, kind):.2f}")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"\n{facts['faults']} faults, {facts['rows']:,} rows: {facts['lost']} lost, {facts['doubled']} doubled,"
        f" {facts['altered']} altered, {facts['orphans']} orphans   (seed {report.seed})",
        style="green" if report.ok else "bold red",
    )
