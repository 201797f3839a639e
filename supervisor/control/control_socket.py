"""The supervisor's own socket: one JSON request and one JSON reply a connection, for its own user and root alone.

A thread speaks to the clients; every request is answered by the supervisor's loop, so that a reply is never older
than the question and a slow client holds up nobody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import queue
import socket
import socketserver
import stat
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtpipe.errors import SettingsError
from supervisor.control.peer import Peer, peer_of

_LONGEST_REQUEST = 65_536
_LONGEST_PATH = 100  #: of a Unix socket, by the kernel
_PATIENCE = 10.0

Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One question: its words, and who asks."""

    body: Reply
    peer: Peer
    reply: queue.SimpleQueue[Reply] = field(default_factory=queue.SimpleQueue, compare=False)


Command = Callable[[Request], Reply]


class ControlServer:
    """Listens at `path` ("" means nowhere) between `open` and `close`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._server: socketserver.ThreadingUnixStreamServer | None = None

    def open(self, wake: Callable[[], None]) -> None:
        """Begin to listen; `wake` is called from another thread when a request waits for `answer`."""
        if not self._path:
            return
        requests = self._requests

        class Handler(socketserver.StreamRequestHandler):
            timeout = _PATIENCE

            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError, RecursionError, queue.Empty):
                    peer = peer_of(self.connection)
                    body = json.loads(self.rfile.readline(_LONGEST_REQUEST))
                    if peer.may_ask and isinstance(body, dict) and isinstance(by := body.get("by"), str):
                        peer = dataclasses.replace(peer, named=by)
                    self.wfile.write(json.dumps(self.answer(Request(body, peer))).encode() + b"\n")

            @staticmethod
            def answer(request: Request) -> Reply:
                if not isinstance(request.body, dict):
                    return {"error": "a request is one JSON object"}
                if not request.peer.may_ask:
                    return {"error": f"this supervisor is another user's, and {request.peer.user} may not ask it"}
                requests.put(request)
                wake()
                return request.reply.get(timeout=_PATIENCE)

        directory = Path(self._path).parent
        try:
            self._server = self._listening(directory, Handler)
        except OSError as exc:
            raise SettingsError(
                f"{directory} cannot hold the supervisor's socket: {(exc.strerror or str(exc)).lower()}",
                hint="set RTPIPE_RUNTIME_DIR to a directory that this user may write to, on a disk with room",
            ) from exc
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    def _listening(
        self, directory: Path, handler: type[socketserver.StreamRequestHandler]
    ) -> socketserver.ThreadingUnixStreamServer:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if owner_if_private(directory) != os.geteuid():
            raise SettingsError(
                f"{directory} belongs to somebody else, or others may write to it",
                hint="set RTPIPE_RUNTIME_DIR to a directory of your own",
            )
        # It gets its name once it listens: a client that is refused removes the socket as one that was left behind.
        temporary = f"{self._path}.new"
        Path(temporary).unlink(missing_ok=True)  # left by a process with the same pid, killed at this point
        before = os.umask(0o177)
        try:
            server = socketserver.ThreadingUnixStreamServer(temporary, handler)
        finally:
            os.umask(before)
        Path(temporary).rename(self._path)
        return server

    def answer(self, commands: Mapping[str, Command]) -> None:
        """Answer the requests that wait; called from the loop. A command gets the whole request."""
        with contextlib.suppress(queue.Empty):
            while True:
                request = self._requests.get_nowait()
                command = commands.get(str(request.body.get("command")))
                request.reply.put(command(request) if command else {"error": "unknown command"})

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            Path(self._path).unlink(missing_ok=True)
            if Path(self._path).parent.parent == Path(tempfile.gettempdir()):  # this module made it
                with contextlib.suppress(OSError):  # not empty: another supervisor listens there
                    Path(self._path).parent.rmdir()


def ask_all(directory: Path, command: str, **arguments: Any) -> list[Reply]:
    """The replies of all supervisors that listen in `directory`."""
    return [reply for path in sockets_in(directory) if (reply := ask(path, command, **arguments)) is not None]


def sockets_in(directory: Path) -> list[Path]:
    """The sockets of supervisors in `directory`; none if others may put sockets there."""
    owner = owner_if_private(directory)
    trusted = owner is not None and os.geteuid() in {0, owner}
    return sorted(directory.glob("supervisor-*.sock")) if trusted else []


def owner_if_private(directory: Path) -> int | None:
    """The owner, if nobody else can put a socket there; else None: anybody can create a directory in /tmp."""
    try:
        found = directory.lstat()
    except OSError:
        return None
    return found.st_uid if stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o022 else None


def ask(path: Path, command: str, *, patience: float = _PATIENCE, **arguments: Any) -> Reply | None:
    """One question to the supervisor that listens at `path`; None if none does (a socket left behind is removed).

    `patience`: seconds for the answer.
    """
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(patience)
            link.connect(str(path))
            link.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            reply = link.makefile().readline()
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return None
    except OSError:
        return None
    return _parsed(reply)


def _parsed(reply: str) -> Reply | None:
    """The reply as an object; None if it is no JSON object."""
    try:
        answer = json.loads(reply)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def runtime_directory(configured: Path | None) -> Path:
    """Where sockets live: as configured, else systemd's, else the user's; short enough for a socket's path."""
    by_environment = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    chosen = configured or Path(by_environment or (f"{session}/rtpipe" if session else _private_directory("rtpipe")))
    if len(str(chosen.absolute())) > _LONGEST_PATH - len("/supervisor-1234567.sock"):
        return Path(
            _private_directory(f"rtpipe-{hashlib.sha1(str(chosen).encode(), usedforsecurity=False).hexdigest()[:8]}")
        )
    return chosen


def _private_directory(name: str) -> str:
    return f"{tempfile.gettempdir()}/{name}-{os.getuid()}"


def socket_path(directory: Path) -> str:
    """The socket of this supervisor process."""
    return str(directory / f"supervisor-{os.getpid()}.sock")
