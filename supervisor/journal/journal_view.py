"""How rows of the journal look to a person, and to a program."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from rtpipe.clock import timestamp
from rtpipe.log import visible
from supervisor.journal.journal_reader import JournalRow

_LEFT = {"WRITTEN AT", "KIND", "OWNER"}
_COLUMNS = ("WRITTEN AT", "KIND", "FIRST", "NEXT", "MESSAGES", "ROWS", "DEAD", "EPOCH", "OWNER")


def print_journal(found: Sequence[JournalRow]) -> None:
    """A line for each row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in _COLUMNS:
        table.add_column(title, justify="left" if title in _LEFT else "right")
    for one in found:
        numbers = (one.first_offset, one.next_offset, one.messages, one.rows_written, one.dead_letters)
        table.add_row(_moment(one), one.kind, *(f"{each:,}" for each in numbers), str(one.epoch), visible(one.owner))
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=160)).print(table)


def facts_of(one: JournalRow) -> dict[str, Any]:
    """The same for programs."""
    return dataclasses.asdict(one) | {"written_at": _moment(one)}


def _moment(one: JournalRow) -> str:
    return timestamp(one.written_at.replace(tzinfo=dt.UTC).timestamp())
