"""`rtpipe offsets set`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.options import Partition, Yes


def set_offset(
    partition: Partition,
    offset: Annotated[int, typer.Argument(metavar="OFFSET", help="The next offset to consume.", min=0)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")] = False,
    yes: Yes = False,
) -> None:
    """Store another offset for one partition: skips messages, or reads some again. Shows what, and asks.

    What it prints says how to undo it. A writer that still runs is fenced. Afterwards: rtpipe resume TOPIC/PARTITION.

    Example:
      rtpipe offsets set dataset1/0 5000

    """
    from supervisor.admin.offset_work import OffsetWork
    from supervisor.settings.option_values import partition_key
    from supervisor.settings.settings import load_with

    key = partition_key(partition)
    work = OffsetWork(load_with("bootstrap_servers", "database_url"))
    change = work.change(key, offset)
    for line in change.words():
        print(line)
    print(f"  to undo it before the partition is resumed: rtpipe offsets set {key} {change.stored.offset}")
    if dry_run:
        return
    if not yes:
        typer.confirm("continue?", abort=True)
    work.set(change)
    print(f"{key}: {change.stored.offset} -> {offset}; now: rtpipe resume {key}")
