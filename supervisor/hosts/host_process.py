"""A process of its own: what the supervisor says by its socket -> the table; what is asked there -> the supervisor.

It is beside the workers: whatever happens to it, no row is concerned.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rtpipe.log import get_logger, log_to_stderr
from rtpipe.secret_files import current_url
from supervisor.companions import companion_process
from supervisor.control.control_socket import ask
from supervisor.hosts.hosts_table import HostsTable
from supervisor.lifecycle.requests import Verb
from workers.database.errors import DatabaseTrouble, translated
from workers.database.session import DatabaseSession, open_session

log = get_logger("hosts")
#: Seconds between two looks.
_EVERY = 3.0
#: What may be asked of another host.
_ASKED = frozenset(verb.value for verb in Verb)


@dataclass(frozen=True, slots=True)
class HostStart:
    """What the process is told first; it may hold a password."""

    socket: str
    group: str
    instance_id: str
    database_url: str
    database_url_file: str
    database_seconds: int
    log_format: str
    log_level: str
    tells: bool = False  #: the supervisor what all hosts say, on standard output

    def line(self) -> bytes:
        """With its end."""
        return json.dumps(asdict(self)).encode() + b"\n"


class HostProcess:
    """Publishes, and has done what is asked."""

    def __init__(self, start: HostStart) -> None:
        self._start = start
        self._owner = f"{socket.gethostname()[:128]}:{os.getppid()}"
        self._session: DatabaseSession | None = None
        self._told = ""

    def run(self) -> None:
        """Until standard input ends: the supervisor is gone."""
        while not select.select([sys.stdin], [], [], _EVERY)[0]:
            self.look()

    def look(self) -> None:
        """Once; a database that does not answer is told once, and tried again."""
        status = ask(Path(self._start.socket), "status", processes=False)
        if status is None or "partitions" not in status:
            return
        try:
            with translated():
                table = self._table()
                table.publish(self._start.instance_id, self._owner, status)
                self._do_what_is_asked(table)
                if self._start.tells:
                    print(json.dumps([host.to_json() for host in table.hosts()]), flush=True)
        except DatabaseTrouble as trouble:
            self._drop()
            if trouble.text != self._told:
                self._told = trouble.text
                text = "other hosts do not see this one, and no row is concerned: %s; `rtpipe setup` makes the table"
                log.warning(text, trouble.text, extra={"event": "host_not_published"})
        else:
            self._told = ""

    def _do_what_is_asked(self, table: HostsTable) -> None:
        asked = table.asked(self._start.instance_id)
        if asked is None:
            return
        if asked.command not in _ASKED:  # whoever may write to the table may do no more than this
            answer: Mapping[str, Any] | None = {"error": f"{asked.command}: not to be asked of another host"}
        else:
            answer = ask(Path(self._start.socket), asked.command, **{**asked.body, "by": asked.by})
        answer = answer if answer is not None else {"error": "the supervisor does not answer"}
        table.answer(self._start.instance_id, asked.number, answer)

    def _table(self) -> HostsTable:
        if self._session is None:
            url = current_url(self._start.database_url, self._start.database_url_file)
            self._session = open_session(url, self._start.database_seconds)
        return HostsTable(self._session.connection, self._start.group)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def main() -> None:
    """Run; ends with its standard input, of which the first line says where all is."""
    companion_process.begin()
    line = companion_process.first_line()
    if not line:
        return
    start = HostStart(**json.loads(line))
    log_to_stderr(start.log_format, start.log_level)
    HostProcess(start).run()


if __name__ == "__main__":
    main()
