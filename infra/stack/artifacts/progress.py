"""Shows a download: a bar on a terminal, elsewhere a line for each tenth."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

MEGABYTE = 1_000_000
_PLAIN_STEPS = 10


@contextlib.contextmanager
def download_progress(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """Yields a function to call with the bytes that came; a negative number takes back a failed try."""
    if not console.is_terminal:
        yield _PlainSteps(console, total).add
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("downloading", total=total)
        yield lambda count: progress.advance(task, count)


class _PlainSteps:
    """A line for each tenth of the bytes. Several downloads may add at once."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._done = 0
        self._shown = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            step = self._done * _PLAIN_STEPS // self._total
            if step <= self._shown:
                return
            self._shown = step
            text = f"  {self._done / MEGABYTE:.0f} of {self._total / MEGABYTE:.0f} MB"
        self._console.print(text, highlight=False)
