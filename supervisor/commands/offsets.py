"""`rtpipe offsets`, `adopt` and `resume`: for a partition that stopped for a reason that only a person can judge."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtpipe.errors import SettingsError, UnreachableError
from supervisor.commands.options import Json, topic_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.admin.offsets import OffsetAdmin, StoredOffset
    from supervisor.kafka.cluster_view import ClusterView
    from supervisor.settings.settings import Settings
    from workers.contract.partition_spec import PartitionKey

app = typer.Typer(help="Stored offsets: look at them, set one after a person decided.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Where = Annotated[str, typer.Argument(help="TOPIC/PARTITION, for example dataset1/0.")]


def add_to(root: typer.Typer) -> None:
    """Register what stands at the top."""
    root.command()(adopt)
    root.command()(resume)


def _open() -> tuple[Settings, OffsetAdmin, ClusterView]:
    from supervisor.admin.offsets import OffsetAdmin
    from supervisor.kafka.cluster_view import ClusterView
    from supervisor.settings import settings as settings_module

    settings = settings_module.load()
    settings_module.require(settings, "bootstrap_servers", "database_url")
    admin = OffsetAdmin(settings.database_url.get_secret_value(), settings.database_seconds)
    return settings, admin, ClusterView(settings.librdkafka())


@app.command("list")
def list_offsets(
    topics: Annotated[list[str] | None, typer.Option("--topics", "-t", help="Only these; default: all.")] = None,
    as_json: Json = False,
) -> None:
    """Show what kafka_offsets holds beside where each partition's log begins and ends.

    Examples:
      rtpipe offsets list

      rtpipe offsets list --topics dataset1 --json

    """
    from rich.console import Console
    from rich.table import Table

    _, admin, cluster = _open()
    stored = admin.stored(topic_names(topics) if topics else ())
    first, end = _bounds(cluster, stored)
    if as_json:
        rows = [_as_json(one, first.get(one.key), end.get(one.key)) for one in stored]
        print(json.dumps({"schema_version": 1, "offsets": rows}, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("PARTITION", "GROUP", "LOG BEGINS", "STORED", "LOG ENDS", "LAG", "EPOCH", "ROWS", "OWNER"):
        table.add_column(title, justify="left" if title in {"PARTITION", "GROUP", "OWNER"} else "right")
    for one in stored:
        bounds = first.get(one.key), end.get(one.key)
        lag = "-" if bounds[1] is None else f"{bounds[1] - one.offset:,}"
        begins, ends = ("-" if bound is None else f"{bound:,}" for bound in bounds)
        numbers = (begins, f"{one.offset:,}", ends, lag, str(one.epoch), f"{one.rows_total:,}")
        table.add_row(str(one.key), one.group, *numbers, one.owner)
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=160)).print(table)


def _bounds(
    cluster: ClusterView, stored: list[StoredOffset]
) -> tuple[Mapping[PartitionKey, int], Mapping[PartitionKey, int]]:
    """First and end offsets by partition; a topic that is gone has none, nor has a partition without a leader."""
    from workers.contract.errors import SetupError

    keys: list[PartitionKey] = []
    for topic in dict.fromkeys(one.key.topic for one in stored):
        try:
            keys += cluster.topics([topic])[0].partitions
        except SetupError:
            continue
    return cluster.log_begins(keys).known, cluster.log_ends(keys).known


def _as_json(one: StoredOffset, first: int | None, end: int | None) -> dict[str, Any]:
    values = dataclasses.asdict(one) | {"log_begins": first, "log_ends": end}
    key = values.pop("key")
    return {**key, **values}


@app.command("set")
def set_offset(
    where: Where,
    offset: Annotated[int, typer.Argument(help="The next offset to consume.", min=0)],
    yes: Yes = False,
) -> None:
    """Store another offset for one partition: skips messages, or reads some again. Shows what, and asks.

    A writer that still runs is fenced. Afterwards: rtpipe resume TOPIC/PARTITION.

    Example:
      rtpipe offsets set dataset1/0 5000

    """
    _, admin, cluster = _open()
    stored = _one(admin, where)
    first, end = (bound.get(stored.key) for bound in _bounds(cluster, [stored]))
    if first is not None and end is not None and not first <= offset <= end:
        raise SettingsError(f"{stored.key}: offset {offset} is not in the log [{first},{end}]", hint="choose one in it")
    print(f"{stored.key}: stored {stored.offset}, log is [{first},{end})")
    if offset == stored.offset:
        print("  nothing is skipped and nothing read again; the leader epoch is forgotten")
    elif offset > stored.offset:
        print(f"  {offset - stored.offset:,} offsets will be SKIPPED: their messages never reach the table")
    else:
        print(f"  {stored.offset - offset:,} offsets will be read AGAIN: rows they gave before will be there twice")
    if not yes:
        typer.confirm("go on?", abort=True)
    admin.set(stored, offset)
    print(f"{stored.key}: {stored.offset} -> {offset}; now: rtpipe resume {stored.key}")


def adopt(topic: Annotated[str, typer.Argument(help="The topic.")], yes: Yes = False) -> None:
    """Accept a topic that was deleted and made again, or another cluster: begin at its first messages.

    The rows that came from the old topic stay in the table; `rtpipe verify` calls them too many, since no message of
    the new topic explains them.

    Example:
      rtpipe adopt dataset1

    """
    _, admin, cluster = _open()
    stored = admin.stored([topic])
    if not stored:
        raise SettingsError(f"kafka_offsets has no row of topic {topic}", hint="rtpipe offsets list shows what it has")
    facts, cluster_id = cluster.topics([topic])[0], cluster.cluster_id(topic)
    begins = cluster.log_begins(facts.partitions)
    for key, why in begins.silent.items():
        raise UnreachableError(f"where {key} begins is not known: {why}", hint="adopt the topic once all of it answers")
    print(f"{topic}: topic id {stored[0].topic_id or 'unknown'} -> {facts.topic_id}, {len(stored)} partitions")
    print("  each begins at the first offset of its log; rows of the old topic stay")
    if not yes:
        typer.confirm("go on?", abort=True)
    for one in stored:
        admin.set(one, begins.known.get(one.key, 0), topic_id=facts.topic_id, cluster_id=cluster_id)
    print(f"{topic}: adopted; where a supervisor runs: rtpipe resume {topic}")


def resume(where: Annotated[str, typer.Argument(help="TOPIC or TOPIC/PARTITION.")]) -> None:
    """Start halted or quarantined partitions of the running supervisor again, after the cause was mended.

    Examples:
      rtpipe resume dataset1

      rtpipe resume dataset1/0

    """
    from supervisor.control_socket import ask_all, runtime_directory
    from supervisor.settings import settings as settings_module

    topic, partition = _topic_and_partition(where)
    replies = ask_all(runtime_directory(settings_module.load().runtime_dir), "resume", topic=topic, partition=partition)
    if not replies:
        raise UnreachableError("no supervisor runs here", hint="it begins at the stored offsets when it starts")
    resumed = [key for reply in replies for key in reply["resumed"]]
    if not resumed:
        raise SettingsError(f"{where}: no partition of it is halted, quarantined or waiting", hint="see: rtpipe status")
    print(f"resumed {', '.join(resumed)}")


def _topic_and_partition(where: str) -> tuple[str, int | None]:
    topic, slash, partition = where.rpartition("/")
    if not slash:
        return where, None
    if not partition.isdigit():
        raise SettingsError(f"{where!r} is not TOPIC/PARTITION", hint="for example: dataset1/0")
    return topic, int(partition)


def _one(admin: OffsetAdmin, where: str) -> StoredOffset:
    topic, partition = _topic_and_partition(where)
    if partition is None:
        raise SettingsError(f"{where!r} is not TOPIC/PARTITION", hint="for example: dataset1/0")
    found = [one for one in admin.stored([topic]) if one.key.partition == partition]
    if not found:
        raise SettingsError(f"kafka_offsets has no row of {where}", hint="rtpipe offsets list shows what it has")
    return found[0]
