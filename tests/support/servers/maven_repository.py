"""A Maven repository on the loopback interface: counts what is asked, and can misbehave."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclasses.dataclass
class Repository:
    """File names to their bytes; `asked` has each file name that was sent, in order."""

    url: str = ""
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    asked: list[str] = dataclasses.field(default_factory=list)
    cut_short: set[str] = dataclasses.field(default_factory=set)  #: these break off half-way, as in a lost connection


@contextlib.contextmanager
def maven_repository() -> Iterator[Repository]:
    repository = Repository()

    class Handler(BaseHTTPRequestHandler):
        shared: ClassVar[Repository] = repository

        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            content = self.shared.files.get(name)
            if content is None:
                self.send_error(404)
                return
            self.shared.asked.append(name)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client gave up
                self.wfile.write(content[: len(content) // 2] if name in self.shared.cut_short else content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    repository.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield repository
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
