"""How stored offsets look to a person, and to a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from supervisor.admin.offset_work import KnownOffset

_LEFT = {"PARTITION", "GROUP", "OWNER"}
_COLUMNS = ("PARTITION", "GROUP", "LOG BEGINS", "STORED", "LOG ENDS", "LAG", "EPOCH", "ROWS", "OWNER")


def print_offsets(found: Sequence[KnownOffset]) -> None:
    """A line for each partition."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in _COLUMNS:
        table.add_column(title, justify="left" if title in _LEFT else "right")
    for partition in found:
        stored = partition.stored
        begins, ends, lag = (_number(value) for value in (partition.first, partition.end, partition.lag))
        numbers = (begins, _number(stored.offset), ends, lag, str(stored.epoch), _number(stored.rows_total))
        table.add_row(str(stored.key), stored.group, *numbers, stored.owner)
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=160)).print(table)


def facts_of(found: KnownOffset) -> dict[str, Any]:
    """The same for programs."""
    values = dataclasses.asdict(found.stored) | {"log_begins": found.first, "log_ends": found.end}
    return {**values.pop("key"), **values}


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
