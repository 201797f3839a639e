"""How the checks look to a person, and to a program."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from supervisor.doctor.examination import Examined
from supervisor.doctor.finding import Finding, Verdict

_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}
#: Off a terminal lines are not broken, as far as that can be asked for.
_WIDE = 200


def print_examined(examined: Sequence[Examined]) -> None:
    """A line for each check; below one that is not OK, what it means and what to do."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=_WIDE)
    for area in examined:
        console.print(Text(area.name, style="bold"))
        console.print(Padding(_table(area.findings), (0, 0, 0, 2)))
    console.print(Text(_summary(examined), style="bold"))


def facts_of(examined: Sequence[Examined]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "checks": [
            {"area": area.name, **dataclasses.asdict(finding)} for area in examined for finding in area.findings
        ],
        "counts": {verdict.value: number for verdict, number in _counts(examined).items()},
    }


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, width=4)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(Text(finding.verdict, style=_STYLES[finding.verdict]), _told(finding))
    return table


def _told(finding: Finding) -> Text:
    told = Text.assemble((finding.name, "bold"), f"  {finding.found}")
    if finding.meaning:
        told.append(f"\n{finding.meaning}", style="dim")
    if finding.fix:
        told.append("\nfix: ", style="dim").append(finding.fix, style="cyan")
    return told


def _counts(examined: Sequence[Examined]) -> dict[Verdict, int]:
    found = Counter(finding.verdict for area in examined for finding in area.findings)
    return {verdict: found[verdict] for verdict in Verdict}


def _summary(examined: Sequence[Examined]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in _counts(examined).items())
