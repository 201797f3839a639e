"""`rtpipe step-over`."""

from __future__ import annotations

import sys

import typer

from supervisor.commands.parts.options import Json, Partition, Yes
from supervisor.commands.parts.output_text import print_json


def step_over(where: Partition, yes: Yes = False, as_json: Json = False) -> None:
    """Make the one message at which a partition is halted a dead letter; then the partition goes on.

    Nothing is lost: the message is in rtpipe_dead_letters with the reason. `rtpipe dead-letters retry` writes it once
    the cause is repaired.

    Example:
      rtpipe step-over orders/0

    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.settings.option_values import partition_key
    from supervisor.settings.settings import load
    from supervisor.steering.asking import ask_to

    key, directory = partition_key(where), runtime_directory(load().runtime_dir)
    if not yes and sys.stdin.isatty():
        print("\n".join(ask_to("step-over", directory, [str(key)], dry_run=True).messages))
        typer.confirm("make this message a dead letter, and go on after it?", abort=True)
    answer = ask_to("step-over", directory, [str(key)])
    if as_json:
        print_json(answer.to_json())
    else:
        print(f"stepping over a message of {key}: {'; '.join(answer.messages)}")
