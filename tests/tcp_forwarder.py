"""A TCP door in front of a service: shut at first, so that clients meet a service that is not up yet."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Forwarder:
    """While shut, every connection is closed at once and counted; once open, bytes go through both ways."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._links: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.turned_away = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        """From now on nobody gets through, and who was through is cut off."""
        self._open.clear()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.shut()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                if self._open.is_set():
                    server = socket.create_connection(self._target)
                    self._links += [client, server]
                    for source, sink in ((client, server), (server, client)):
                        threading.Thread(target=_pump, args=(source, sink), daemon=True).start()
                else:
                    client.close()
                    self.turned_away += 1


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def forwarder(host: str, port: int) -> Iterator[Forwarder]:
    door = Forwarder((host, port))
    try:
        yield door
    finally:
        door.close()
