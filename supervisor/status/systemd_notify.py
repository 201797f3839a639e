"""The notifications of a Type=notify service to systemd; does nothing where no systemd listens."""

from __future__ import annotations

import contextlib
import os
import socket


class SystemdNotifier:
    """READY, STATUS, WATCHDOG and STOPPING to $NOTIFY_SOCKET."""

    def __init__(self) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")  # removed, so that no worker can notify in its place
        self._address = "\0" + address[1:] if address.startswith("@") else address
        #: Seconds between signs of life: a third of what systemd allows; None without a watchdog.
        self.watchdog_every: float | None = None
        if address and (limit := os.environ.get("WATCHDOG_USEC", "")).isdigit():
            self.watchdog_every = int(limit) / 3e6

    def ready(self, status: str) -> None:
        """Settings are valid and the loop runs."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """Called by the loop itself, so that systemd notices a loop that hangs."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """The drain has begun."""
        self._send("STOPPING=1\nSTATUS=draining")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.connect(self._address)
            link.sendall(text.replace("\0", "").encode())
