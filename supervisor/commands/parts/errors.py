"""How a command reports an error: one line that names it, and what to do."""

from __future__ import annotations

from rtpipe.errors import RtpipeError


def complain(error: RtpipeError) -> None:
    """Print `error` on stderr."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("error ", "bold red"), (error.name, "bold"), f"  {error.message}"))
    if error.hint:
        console.print(Text.assemble(("  what to do  ", "dim"), error.hint))
