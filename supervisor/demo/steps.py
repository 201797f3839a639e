"""The numbered steps of `rtpipe demo` on the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


class Steps:
    """Prints each step once it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0

    @contextmanager
    def step(self, what: str, *, spinner: bool = True) -> Iterator[Callable[[str], None]]:
        """One numbered line for each step, with its result and time; a spinner meanwhile, unless it has its own."""
        self._number += 1
        began = time.monotonic()
        results: list[str] = []
        with self._console.status(f"{what} …") if spinner and self._console.is_terminal else _nothing():
            yield results.append
        head = Text.assemble(
            (f"{self._number:>2}  ", "bold cyan"), (what, "bold"), (f"  {time.monotonic() - began:.1f} s", "dim")
        )
        self._console.print(head)
        for line in results:
            self._console.print(Text(f"    {line}", style="yellow" if " WARN " in line else ""), soft_wrap=True)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
