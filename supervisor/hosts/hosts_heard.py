"""What all hosts have said, as the host's process read it last: kept for the page, and for nothing else."""

from __future__ import annotations

import json
import time

from supervisor.control.control_socket import Reply, Request

#: The name of the question.
COMMAND = "hosts"


class HostsHeard:
    """`hear` is called in another thread, `answer` in the supervisor's loop."""

    def __init__(self) -> None:
        self._last = ("[]", time.monotonic())

    def hear(self, line: str) -> None:
        """A list of hosts, as JSON."""
        self._last = (line, time.monotonic())

    def answer(self, _: Request) -> Reply:
        """`hosts`, and the seconds since they were read."""
        line, at = self._last
        return {"hosts": json.loads(line), "seconds": round(time.monotonic() - at, 1)}
