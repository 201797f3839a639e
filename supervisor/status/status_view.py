"""Shows a status on the terminal: live below the log, or once."""

from __future__ import annotations

import os
import sys
import threading
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.facts.verdict import Level, verdict
from supervisor.status.status_table import status_picture

#: Columns, where there is no terminal to ask.
_NO_TERMINAL = 160
#: Of the verdict.
_STYLES: dict[Level, str] = {"well": "green", "notice": "yellow", "trouble": "bold red"}


class LiveView:
    """A context in which the table stays below the log lines, if `wanted`.

    Workers write their log to file descriptor 2 like everybody; meanwhile that is a pipe whose lines are printed
    above the table, so that nothing tears it.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._live: Live | None = None
        self._terminal = -1

    def __enter__(self) -> LiveView:
        if not self._wanted:
            return self
        sys.stderr.flush()
        self._terminal = os.dup(2)
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        os.close(writer)
        screen = os.fdopen(self._terminal, "w", closefd=False, encoding=sys.stderr.encoding, errors=sys.stderr.errors)
        console = Console(file=screen, highlight=False)
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()
        lines = os.fdopen(reader, errors="replace")
        self._printer = threading.Thread(target=self._print_lines, args=(lines, console), daemon=True)
        self._printer.start()
        return self

    @staticmethod
    def _print_lines(lines: TextIO, console: Console) -> None:
        with lines:
            for line in lines:
                console.print(_coloured(line.rstrip("\n")), soft_wrap=True)

    def show(self, status: PipelineStatus) -> None:
        """Update the table."""
        if self._live is not None:
            width, height = self._live.console.size
            self._live.update(status_picture(status, width, height), refresh=True)

    def __exit__(self, *_: object) -> None:
        if self._live is None:
            return
        sys.stderr.flush()
        os.dup2(self._terminal, 2)  # the last writing end of the pipe: the printer sees its end once workers are gone
        self._printer.join(timeout=2)
        self._live.stop()
        if not self._printer.is_alive():  # else a process that is left still writes through it
            os.close(self._terminal)


def _coloured(line: str) -> Text:
    style = "yellow" if " WARN " in line else "red" if " ERROR " in line else ""
    return Text(line, style=style)


def print_status(status: PipelineStatus) -> None:
    """The verdict in one sentence, then the table; as wide as the terminal, wide where there is no terminal."""
    console = Console(highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console = Console(highlight=False, width=_NO_TERMINAL)
    found = verdict(status)
    console.print(Text(found.sentence, style=_STYLES[found.level]))
    console.print()
    console.print(status_picture(status, console.width))
