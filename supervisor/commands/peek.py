"""`rtpipe peek`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from supervisor.commands.parts.completion import complete_topics_and_partitions
from supervisor.commands.parts.options import BootstrapServers, RegistryUrl
from supervisor.settings.option_values import topic_and_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisor.peek.peek import Peek, Shown
    from supervisor.settings.settings import Settings


def peek(
    where: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC[/PARTITION]",
            help="The topic, or one partition of it.",
            autocompletion=complete_topics_and_partitions,
        ),
    ],
    offset: Annotated[
        int | None, typer.Option("--offset", metavar="OFFSET", help="Begin here; default: the newest.", min=0)
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", metavar="N", help="At most this many messages.", min=0)] = 5,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Then show those that come, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each message, for programs.")] = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
) -> None:
    """Show messages of a topic, decoded, each beside its row in the table. Commits and changes nothing.

    A message without a row is a dead letter, or not consumed yet, or it says why nobody can tell. No supervisor has to
    run.

    Examples:
      rtpipe peek orders
      rtpipe peek orders/0 --offset 1200 -n 20
      rtpipe peek orders -f --json

    """
    from supervisor.peek.peek import Peek, PeekOrder
    from supervisor.settings.settings import load_with

    topic, partition = topic_and_partition(where)
    settings = load_with(
        "bootstrap_servers", bootstrap_servers=bootstrap_servers, schema_registry_url=schema_registry_url
    )
    show = _shower(settings, topic, as_json=as_json)
    with Peek(settings, PeekOrder(topic=topic, partition=partition, offset=offset, count=count)) as peeking:
        found = peeking.messages()
        _hint(found, offset, count, topic)
        show(found)
        _tell_trouble(peeking)
        if not follow:
            return
        try:
            for more in peeking.follow():
                show(more)
        except KeyboardInterrupt:  # the usual end
            return


def _shower(settings: Settings, topic: str, *, as_json: bool) -> Callable[[Sequence[Shown]], None]:
    from supervisor.peek import view

    out, renamed = view.console(), settings.topic(topic).rename

    def show(found: Sequence[Shown]) -> None:
        for message, beside in found:
            if as_json:
                print(json.dumps(view.facts_of(message, beside, renamed)), flush=True)
            else:
                view.print_message(out, message, beside, renamed)

    return show


def _hint(found: Sequence[Shown], offset: int | None, count: int, topic: str) -> None:
    """On stderr, why there are fewer messages than somebody may expect."""
    if not found and count:
        where = f"from offset {offset} on there is no message" if offset is not None else f"{topic} has no message"
        print(f"{where} (deleted, compacted, or none was sent)", file=sys.stderr)
    elif found and offset is not None and found[0][0].offset > offset:
        first = found[0][0].offset
        gone = f"offset {offset} is" if first == offset + 1 else f"offsets {offset} to {first - 1} are"
        print(f"{gone} gone: compacted, or a transaction's marker; the next message is {first}", file=sys.stderr)


def _tell_trouble(peeking: Peek) -> None:
    if (trouble := peeking.trouble) is not None:
        print(f"no rows: {trouble.message}{f' ({trouble.hint})' if trouble.hint else ''}", file=sys.stderr)
