"""A TCP proxy before a service: shut, it turns clients away; it swallows, cuts, or breaks replies in their middle."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tests.support.faults.tally import TALLY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
ANYWHERE = (HOST, 0)
_RECEIVED = 65_536


@dataclass(eq=False)
class Link:
    """One client's connection and ours to the server."""

    client: socket.socket
    server: socket.socket

    def cut(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


_L = TypeVar("_L", bound=Link)


class Proxy(Generic[_L]):
    """Listens on `port`. Two threads a link, one for each direction; a link ends when either of them does."""

    def __init__(
        self,
        target: tuple[str, int],
        link: Callable[[socket.socket, socket.socket], _L],
        at: tuple[str, int] = ANYWHERE,
    ) -> None:
        self._target = target
        self._link = link
        self._listener = socket.create_server(at)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.turned_away = 0  #: connections that were closed at once
        self.swallowed = 0  #: how often something was kept back instead of passed on
        self._is_open = threading.Event()
        self._is_open.set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._links: list[_L] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def open(self) -> None:
        """Let everybody through again."""
        self._is_open.set()

    def shut(self) -> None:
        """From now on nobody gets through, as if the service were not up; who was through is cut off."""
        self._is_open.clear()
        for link in list(self._links):
            link.cut()

    @contextlib.contextmanager
    def swallowing(self) -> Iterator[None]:
        """A black hole: nothing goes through in either direction, and nobody is told. Then all of it arrives."""
        before = self.swallowed
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()
        if self.swallowed > before:
            TALLY.hit()

    def cut_all(self) -> None:
        """Break every connection there is."""
        links = list(self._links)
        for link in links:
            link.cut()
        if links:
            TALLY.hit()

    def _wait_to_flow(self) -> None:
        if not self._flowing.is_set():
            self.swallowed += 1
            self._flowing.wait()

    def close(self) -> None:
        self._flowing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()  # from now on there is no new link
        for thread in self._threads:
            while thread.is_alive():
                for link in list(self._links):
                    link.cut()
                thread.join(0.1)

    def _serve(self) -> None:
        with self._listener, contextlib.suppress(OSError):  # until the listener is shut down
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                if not self._is_open.is_set():
                    client.close()
                    self.turned_away += 1
                    continue
                self._threads.append(threading.Thread(target=self._pass_on, args=(client,), daemon=True))
                self._threads[-1].start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self._wait_to_flow()
            with socket.create_connection(self._target) as server:
                link = self._link(client, server)
                self._links.append(link)
                if not self._is_open.is_set():  # shut since it was accepted
                    link.cut()
                back = threading.Thread(target=self._guarded, args=(self._from_server, link), daemon=True)
                back.start()
                self._guarded(self._from_client, link)
                back.join()
                self._links.remove(link)

    @staticmethod
    def _guarded(pump: Callable[[_L], None], link: _L) -> None:
        with contextlib.suppress(OSError, EOFError):
            pump(link)
        link.cut()

    def _from_client(self, link: _L) -> None:
        while data := link.client.recv(_RECEIVED):
            self._wait_to_flow()
            link.server.sendall(data)

    def _from_server(self, link: _L) -> None:
        while data := link.server.recv(_RECEIVED):
            self._wait_to_flow()
            link.client.sendall(data)


class TcpProxy(Proxy[Link]):
    """For any protocol. `broken` counts the connections that broke in the middle of what their server sent."""

    def __init__(self, target: tuple[str, int], at: tuple[str, int] = ANYWHERE) -> None:
        self._reply_bytes = 0
        self.broken = 0
        super().__init__(target, Link, at)

    @contextlib.contextmanager
    def breaking(self, reply_bytes: int) -> Iterator[None]:
        """Each new connection breaks within its server's replies, after so many bytes; the old ones break at once."""
        self._reply_bytes = reply_bytes
        self.cut_all()
        try:
            yield
        finally:
            self._reply_bytes = 0

    def _from_server(self, link: Link) -> None:
        passed = 0
        while data := link.server.recv(_RECEIVED):
            self._wait_to_flow()
            left = self._reply_bytes - passed
            if self._reply_bytes and left < len(data):
                if left > 0:  # one that had sent more before is being cut
                    link.client.sendall(data[:left])
                    self.broken += 1
                    TALLY.hit()
                return
            passed += len(data)
            link.client.sendall(data)


@contextlib.contextmanager
def tcp_proxy(target: tuple[str, int], *, shut: bool = False, at: tuple[str, int] = ANYWHERE) -> Iterator[TcpProxy]:
    """A proxy for one block; `shut`: until it is opened; `at`: where it listens."""
    proxy = TcpProxy(target, at)
    if shut:
        proxy.shut()
    try:
        yield proxy
    finally:
        proxy.close()
