"""How the embedded stack and what `infra create` and `setup` did look to a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.provision.items import ProvisionItem, ProvisionResult
from infra.stack.status import StackStatus

_STYLES = {
    "created": "green",
    "to create": "green",
    "changed": "green",
    "to change": "yellow",
    "differs": "bold red",
    "running": "green",
    "dead": "bold red",
    "unhealthy": "yellow",
}


def facts_of(result: ProvisionResult) -> dict[str, Any]:
    """All items for programs."""
    return {"items": [dataclasses.asdict(item) for item in result.items]}


def print_items(items: Sequence[ProvisionItem], *, with_sql: bool) -> None:
    """One line for each thing; its SQL below, if asked for."""
    console = Console(highlight=False, soft_wrap=True)
    widths = max(len(item.kind) for item in items), max(len(item.state) for item in items)
    for item in items:
        state = Text(f"{item.state:<{widths[1]}}", style=_STYLES.get(item.state, "dim"))
        head = Text.assemble(state, f"  {item.kind:<{widths[0]}}  ", (item.name, "bold"))
        first, *more = item.detail.splitlines() or [""]
        console.print(Text.assemble(head, ("  " + first if first else "", "dim")))
        for line in more:
            console.print(Text(" " * (sum(widths) + 4) + line, style="dim"))
        if with_sql and item.sql and item.state != "already there":
            console.print(Text("\n".join("      " + line for line in item.sql.strip().splitlines()), style="cyan"))


#: Addresses of a stack that are shown, and how they are called there.
_ADDRESSES = {
    "bootstrap_servers": "Kafka",
    "schema_registry_url": "registry",
    "database_url": "database",
    "settings": "settings",
}


def print_stack(status: StackStatus) -> None:
    """Services and addresses of the embedded stack."""
    console = Console(highlight=False, soft_wrap=True)
    if not status.services:
        console.print(f"there is no embedded stack in {status.directory}; start one with: rtpipe infra up")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("SERVICE", "STATE", "PORT", "PID", "MEM MB"):
        table.add_column(title, justify="left" if title in {"SERVICE", "STATE"} else "right")
    for service in status.services:
        memory = "-" if service.memory is None else f"{service.memory / 1e6:.0f}"
        state = Text(service.state, style=_STYLES.get(service.state, "dim"))
        table.add_row(service.name, state, str(service.port), str(service.pid or "-"), memory)
    console.print(table)
    for service in status.services:
        if service.state in {"dead", "unhealthy"}:
            console.print(f"{service.name}: see {service.log}; `rtpipe infra up` starts what is missing")
    console.print()
    for name, title in _ADDRESSES.items():
        if name in status.addresses:
            console.print(f"{title:9} {status.addresses[name]}")
