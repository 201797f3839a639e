"""Free ports on the loopback interface, and which process has a port that is not free."""

from __future__ import annotations

import contextlib
import random
import socket

import psutil

from infra.stack.errors import PortInUseError

HOST = "127.0.0.1"
#: below the range that Linux gives to outgoing connections: a port kept here is not taken while the stack is down
_RANGE = range(20_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT does not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def pick_ports(count: int, *, besides: set[int]) -> list[int]:
    """Different free ports, none of them in `besides`."""
    picked: list[int] = []
    for port in random.sample(_RANGE, _TRIES + count):
        if len(picked) == count:
            break
        if port not in besides and is_free(port):
            picked.append(port)
    return picked


def check_free(port: int, service: str, way_out: str) -> None:
    """Raise PortInUseError if the port is taken. `way_out` completes the hint: what to do if that process must stay."""
    if not is_free(port):
        raise PortInUseError(
            f"port {port}, which {service} is to use, is in use by {holder(port)}",
            hint=f"Stop that process, or {way_out}.",
        )


def holder(port: int) -> str:
    """The process that listens, if this user may see it."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return "another process (of another user)"
