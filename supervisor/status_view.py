"""How a pipeline's status looks to a person: one table, live below the log or printed once."""

from __future__ import annotations

import os
import sys
import threading
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from supervisor.partition_status import PartitionStatus, PipelineStatus

_STATE_STYLE = {
    "running": "green",
    "starting": "yellow",
    "backoff": "yellow",
    "stopping": "yellow",
    "quarantined": "bold red",
    "halted": "bold red",
    "stopped": "dim",
}


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
        console = Console(file=os.fdopen(self._terminal, "w", closefd=False), highlight=False)
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()
        self._printer = threading.Thread(target=self._print_lines, args=(os.fdopen(reader), console), daemon=True)
        self._printer.start()
        return self

    @staticmethod
    def _print_lines(lines: TextIO, console: Console) -> None:
        for line in lines:
            console.print(_coloured(line.rstrip("\n")), soft_wrap=True)

    def show(self, status: PipelineStatus) -> None:
        """Draw the table anew."""
        if self._live is not None:
            self._live.update(status_table(status), refresh=True)

    def __exit__(self, *_: object) -> None:
        if self._live is None:
            return
        sys.stderr.flush()
        os.dup2(self._terminal, 2)  # the last writing end of the pipe: the printer sees its end once workers are gone
        self._printer.join(timeout=2)
        self._live.stop()


def _coloured(line: str) -> Text:
    style = "yellow" if " WARN " in line else "red" if " ERROR " in line else ""
    return Text(line, style=style)


def print_status(status: PipelineStatus) -> None:
    """The table on stdout."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    console.print(status_table(status))


def status_table(status: PipelineStatus) -> Table:
    """All partitions, and their sums below."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    known = [p for p in status.partitions if p.lag is not None]
    footers = {
        "STATE": summary_words(status),
        "LAG": f"{sum(p.lag or 0 for p in known):,}",
        "ROWS/S": f"{sum(p.rows_per_second for p in status.partitions):,.0f}",
        "RESTARTS": str(sum(p.restarts for p in status.partitions)),
        "MEM MB": _megabytes(sum(p.memory_bytes or 0 for p in status.partitions)),
        "CPU %": f"{sum(p.cpu_percent or 0 for p in status.partitions):.0f}",
    }
    left = {"TOPIC", "STATE"}
    dead = sum(p.dead for p in status.partitions)
    footers["DEAD"] = f"{dead:,}"
    titles = ["TOPIC", "PART", "STATE", "PID", "KAFKA", "DATABASE", "LAG", "ROWS/S", "QUEUE"]
    titles += ["DEAD", "RESTARTS", "MEM MB", "CPU %"] if dead else ["RESTARTS", "MEM MB", "CPU %"]
    for title in titles:
        table.add_column(
            title, justify="left" if title in left else "right", footer=footers.get(title, ""), no_wrap=True
        )
    for partition in status.partitions:
        cells = _cells(partition)
        if dead:
            cells.insert(titles.index("DEAD"), Text(f"{partition.dead:,}", style="yellow" if partition.dead else ""))
        table.add_row(*cells)
        if partition.reason and partition.state != "running":
            table.add_row("", "", Text(partition.reason, style="red"))
    return table


def _cells(p: PartitionStatus) -> list[Text | str]:
    waits = p.state == "running" and p.reason
    state = Text("waiting" if waits else p.state, style="yellow" if waits else _STATE_STYLE.get(p.state, ""))
    queue = Text(f"{p.queue_depth}{' full' if p.backpressure else ''}", style="yellow" if p.backpressure else "")
    return [
        p.topic,
        str(p.partition),
        state,
        _number(p.pid, ""),
        _number(p.end_offset),
        _number(p.offset),
        _number(p.lag),
        f"{p.rows_per_second:,.0f}",
        queue,
        str(p.restarts),
        "-" if p.memory_bytes is None else _megabytes(p.memory_bytes),
        "-" if p.cpu_percent is None else f"{p.cpu_percent:.0f}",
    ]


def summary_words(status: PipelineStatus) -> str:
    """`9 of 9 running`."""
    running = sum(p.state == "running" for p in status.partitions)
    return f"{running} of {len(status.partitions)} running" + (", draining" if status.draining else "")


def _number(value: int | None, comma: str = ",") -> str:
    return "-" if value is None else format(value, comma)


def _megabytes(value: int) -> str:
    return f"{value / 1e6:.0f}"
