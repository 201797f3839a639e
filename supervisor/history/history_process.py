"""A process of its own: events from standard input, figures by the control socket each minute -> the history's file.

Whatever happens to it or to its disk, no row is concerned.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from rtpipe.clock import timestamp
from rtpipe.log import get_logger, log_to_stderr
from supervisor.control.control_socket import ask
from supervisor.control.event_ring import Event
from supervisor.history.history_file import KEPT_DAYS, HistoryFile
from supervisor.history.minute_figures import figures_of
from supervisor.status.facts.pipeline_status import PipelineStatus

log = get_logger("history")
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_READ = 65_536


class HistoryProcess:
    """Writes what it hears and asks for."""

    def __init__(self, socket: Path, file: Path) -> None:
        self._socket = socket
        self._path = file
        self._file: HistoryFile | None = None
        self._said = ""  #: why the file could not be written, as logged
        self._before: PipelineStatus | None = None
        self._rest = b""  #: the begin of a line
        self._pruned = 0.0

    def run(self) -> None:
        """Until standard input ends: the supervisor is gone."""
        due = _next_minute(time.time())
        while True:
            if select.select([sys.stdin], [], [], max(0.0, due - time.time()))[0]:
                data = os.read(sys.stdin.fileno(), _READ)
                if not data:
                    return
                self._take(data)
            if time.time() >= due:
                self._note_minute(due)
                due = _next_minute(time.time())

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        by_run: dict[str, list[Event]] = {}
        for line in lines:
            said = json.loads(line)
            by_run.setdefault(said.pop("run"), []).append(Event.from_json(said))
        for run, events in by_run.items():
            self._write(run, events)

    def _write(self, run: str, events: Iterable[Event]) -> None:
        try:
            self._opened().add_events(run, events)
        except (sqlite3.Error, OSError) as exc:
            self._failed(exc)
        else:
            self._said = ""

    def _note_minute(self, at: float) -> None:
        answer = ask(self._socket, "status", processes=False)
        if answer is None:
            return
        status = PipelineStatus.from_json(answer)
        try:
            file = self._opened()
            topics = {partition.topic for partition in status.partitions}
            file.add_minutes(timestamp(at), topics, figures_of(timestamp(at), self._before, status))
            if at - self._pruned >= _HOUR:
                file.forget_before(timestamp(at - KEPT_DAYS * _DAY))
                self._pruned = at
        except (sqlite3.Error, OSError) as exc:
            self._failed(exc)
        else:
            self._said = ""
        self._before = status

    def _opened(self) -> HistoryFile:
        if self._file is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = HistoryFile(self._path)
        return self._file

    def _failed(self, error: Exception) -> None:
        """What could not be written is lost; the next one is tried again."""
        self._file = None
        if str(error) != self._said:
            self._said = str(error)
            text = "the history in %s cannot be written, and has a gap: %s"
            log.warning(text, self._path, error, extra={"event": "history_failed"})


def _next_minute(now: float) -> float:
    return (now // _MINUTE + 1) * _MINUTE


def main(socket: str, file: str, log_format: str) -> None:
    """Run; ends with its standard input."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal's Ctrl-C reaches everybody: the last events are to come
        signal.signal(number, signal.SIG_IGN)
    log_to_stderr(log_format)
    HistoryProcess(Path(socket), Path(file)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
