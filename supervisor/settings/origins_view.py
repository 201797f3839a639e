"""How settings look to a person, and to a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from supervisor.settings.origins import DEFAULT, KnownSetting

#: Off a terminal lines are not broken, as far as that can be asked for.
_WIDE = 200


def print_settings(
    known: Sequence[KnownSetting], of_topics: Mapping[str, Sequence[KnownSetting]], *, origins: bool
) -> None:
    """A line for each setting; those of each topic follow."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=_WIDE)
    console.print(_table(known, origins=origins))
    for topic, settings in of_topics.items():
        console.print()
        console.print(Text(f"topic {topic}", style="bold"))
        console.print(_table(settings, origins=origins))


def facts_of(known: Sequence[KnownSetting], of_topics: Mapping[str, Sequence[KnownSetting]]) -> dict[str, Any]:
    """The same for programs."""
    return {"settings": _facts(known), "topics": {topic: _facts(settings) for topic, settings in of_topics.items()}}


def _facts(known: Sequence[KnownSetting]) -> list[dict[str, Any]]:
    return [{"name": one.name, "value": one.value, "origin": one.origin} for one in known]


def _table(known: Sequence[KnownSetting], *, origins: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("SETTING", "VALUE", *(["FROM"] if origins else [])):
        table.add_column(title, overflow="fold")
    for one in known:
        style = "dim" if one.origin == DEFAULT else ""
        cells = (one.name, _text(one.value), *([one.origin] if origins else []))
        table.add_row(*map(Text, cells), style=style)
    return table


def _text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
