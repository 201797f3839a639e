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
        self._clients: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.turned_away = 0
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        """From now on nobody gets through, and who was through is cut off."""
        self._open.clear()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)  # which ends its link

    def close(self) -> None:
        """Every thread has ended and every socket is closed when this returns."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()  # from now on there is no new link
        self.shut()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        with self._listener, contextlib.suppress(OSError):  # until the listener is shut down
            while True:
                client, _ = self._listener.accept()
                if self._open.is_set():
                    self._clients.append(client)
                    self._threads.append(threading.Thread(target=self._link, args=(client,), daemon=True))
                    self._threads[-1].start()
                else:
                    client.close()
                    self.turned_away += 1

    def _link(self, client: socket.socket) -> None:
        """Bytes go both ways until both ends are done."""
        with client, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


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
