"""What a process beside the workers does first: it is deaf to a terminal's keys, and hears how it is to start."""

from __future__ import annotations

import os
import resource
import signal
import sys


def first_line() -> bytes:
    """Of standard input, byte by byte, so that nothing behind it is taken; empty if there is none."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            return b""
        line += byte
    return line


def begin() -> None:
    """It ends with its standard input alone: a terminal's keys reach everybody.

    What librdkafka prints when it aborts is in no log of ours, and leaves no core: the supervisor says what died.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ours = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(ours, "w", buffering=1, errors="backslashreplace")
