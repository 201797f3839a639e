"""Arguments of the commands about stored offsets."""

from __future__ import annotations

from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Partition = Annotated[str, typer.Argument(help="TOPIC/PARTITION, for example dataset1/0.")]
