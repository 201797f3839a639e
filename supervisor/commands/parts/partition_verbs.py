"""What `rtpipe pause`, `resume`, `restart` and `drain` share: their options, the question, what is printed."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from rtpipe.log import visible
from supervisor.commands.parts.completion import complete_topics_and_partitions
from supervisor.commands.parts.output_text import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

Where = Annotated[
    list[str],
    typer.Argument(
        metavar="TOPIC[/PARTITION]",
        help="For example orders or orders/0; may be several.",
        autocompletion=complete_topics_and_partitions,
    ),
]
#: What is said of the partitions to which it is done.
_WORDS = {"pause": "pausing", "resume": "resumed", "restart": "restarting", "drain": "draining"}


def do(verb: str, where: Sequence[str], *, yes: bool, as_json: bool) -> None:
    """Ask the supervisors that run here, or, with membership, the hosts that have the partitions.

    At a terminal the person is asked first if more than one partition is meant.
    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.settings.settings import load
    from supervisor.steering.asking import ask_to

    settings = load()
    directory, elsewhere = runtime_directory(settings.runtime_dir), None
    if settings.membership == "kafka":
        from supervisor.hosts.all_hosts import ask_hosts

        elsewhere = partial(ask_hosts, settings)
    if not yes and sys.stdin.isatty():
        count = len(ask_to(verb, directory, where, dry_run=True, elsewhere=elsewhere).done)
        if count > 1:
            typer.confirm(f"{verb} {count} partitions?", abort=True)
    answer = ask_to(verb, directory, where, elsewhere=elsewhere)
    if as_json:
        print_json(answer.to_json())
    else:
        print(visible(f"{_WORDS[verb]} {', '.join(answer.done)}"))
    for partition, why in answer.refused.items():
        print(visible(f"{partition}: {why}"), file=sys.stderr)
    for warning in answer.warnings:
        print(visible(f"warning: {warning}"), file=sys.stderr)
