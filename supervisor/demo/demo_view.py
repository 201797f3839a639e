"""How `rtpipe demo` ends: what came out, and how to look at it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtpipe.own_command import own_command
from supervisor.demo.pipeline_driver import PipelineDriver


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the summary tells."""

    messages: int
    rows: int
    lost_or_doubled: int
    restarts: int
    seconds: float
    proven: bool


def print_next_steps(
    console: Console, pipeline: PipelineDriver, *, directory: Path, topics: Sequence[str], keep: bool
) -> None:
    """The next commands to run, as they are typed in this folder."""
    rtpipe = own_command()
    lines = [f"export RTPIPE_STACK_DIR={shlex.quote(str(directory / 'stack'))}"]
    if keep:
        lines += [
            f"export RTPIPE_RUNTIME_DIR={shlex.quote(str(directory / 'run'))}",
            f"{rtpipe} status",
            f"kill {pipeline.supervisor.process.pid}     # drains and ends the supervisor",
        ]
    else:
        lines.append(f"{rtpipe} infra up")
    lines += [
        f"{rtpipe} verify --topics {','.join(topics)} --values",
        f"{rtpipe} infra down --purge     # ends the services and deletes their data",
    ]
    console.print(f"\nLook at it yourself (logs: {pipeline.supervisor.log}):", soft_wrap=True)
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)


def print_outcome(console: Console, outcome: Outcome) -> None:
    """The numbers and the verdict."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold")
    table.add_row("messages produced", f"{outcome.messages:,}")
    table.add_row("rows in the tables", f"{outcome.rows:,}")
    table.add_row("lost, doubled or altered", f"{outcome.lost_or_doubled:,}")
    table.add_row("workers restarted", f"{outcome.restarts}")
    table.add_row("supervisors killed", "1")
    table.add_row("rows a second, kills included", f"{outcome.rows / outcome.seconds:,.0f}")
    console.print()
    console.print(table)
    if outcome.proven:
        console.print("\nexactly once: proven", style="bold green")
    else:
        console.print("\nexactly once: NOT proven", style="bold red")
