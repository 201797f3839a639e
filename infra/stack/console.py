"""Shows how the services start: on a terminal a live line for each, elsewhere a line for each change."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

_STYLES = {"ready": "green", "failed": "bold red"}


class ServiceLines:
    """`set` may be called by any thread."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._since = time.monotonic()
        self._states = dict.fromkeys(names, "waiting")
        self._ended: dict[str, float] = {}
        self._width = max(map(len, names))
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def set(self, name: str, state: str) -> None:
        """Show a new state of one service; `ready` and `failed` are final."""
        with self._lock:
            if self._states[name] == state:
                return
            self._states[name] = state
            if state in _STYLES:
                self._ended[name] = time.monotonic() - self._since
        if not self._console.is_terminal:
            self._console.print(f"  {name:{self._width}}  {state}{self._duration(name)}", highlight=False)

    def _duration(self, name: str) -> str:
        return f" after {self._ended[name]:.1f} s" if name in self._ended else ""

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        with self._lock:
            for name, state in self._states.items():
                table.add_row(f"  {name}", self._state(name, state))
        return table

    def _state(self, name: str, state: str) -> RenderableType:
        text = Text(state + self._duration(name), style=_STYLES.get(state, ""))
        return text if state in _STYLES else Spinner("dots", text)
