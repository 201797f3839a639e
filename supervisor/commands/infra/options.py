"""Options of the commands about the embedded stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Directory = Annotated[
    Path | None,
    typer.Option("--dir", help="Where the stack keeps its data.  (RTPIPE_STACK_DIR)", show_default=False),
]


def stack_directory(path: Path | None) -> Path:
    """`path`, else RTPIPE_STACK_DIR, else the usual directory."""
    from infra.stack.state import default_directory

    return path or default_directory()
