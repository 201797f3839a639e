"""Arguments of the commands about stored offsets."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.parts.completion import complete_partitions

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Partition = Annotated[
    str, typer.Argument(help="TOPIC/PARTITION, for example dataset1/0.", autocompletion=complete_partitions)
]
