"""A server that speaks MySQL's protocol packet by packet, as a test tells it: also what no server should say."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_COM_QUERY = 3
_LONG_PASSWORD, _PROTOCOL_41, _SECURE, _PLUGIN, _LOCAL_FILES = 1, 1 << 9, 1 << 15, 1 << 19, 1 << 7
_CAPABILITIES = _LONG_PASSWORD | _PROTOCOL_41 | _SECURE | _PLUGIN | _LOCAL_FILES


@dataclass
class PacketLink:
    """The server's side of one connection."""

    socket: socket.socket
    number: int = 0  #: of the next packet

    def send(self, payload: bytes) -> None:
        self.socket.sendall(struct.pack("<I", len(payload))[:3] + bytes([self.number % 256]) + payload)
        self.number += 1

    def receive(self) -> bytes:
        """The next packet; EOFError if the client has gone."""
        header = self._exactly(4)
        self.number = header[3] + 1
        return self._exactly(int.from_bytes(header[:3], "little"))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def ok(self, rows: int = 0, warnings: int = 0, *, more: bool = False) -> None:
        """`more`: the result of another statement follows."""
        self.send(b"\0" + bytes([rows, 0]) + struct.pack("<HH", 2 | (8 if more else 0), warnings))

    def rows(self, value: str) -> None:
        """One row of one column."""
        end = b"\xfe\0\0\2\0"
        name = b"\1x"
        self.send(b"\1")
        self.send(b"\3def\0\0\0" + name + name + b"\x0c" + struct.pack("<HIBHBH", 45, 100, 253, 0, 0, 0))
        self.send(end)
        self.send(bytes([len(value)]) + value.encode())
        self.send(end)

    def error(self, number: int, sqlstate: str = "HY000") -> None:
        self.send(b"\xff" + struct.pack("<H", number) + b"#" + sqlstate.encode() + b"said so")

    def ask_for(self, file: str) -> None:
        """Ask for a file, as the answer to any statement."""
        self.send(b"\xfb" + file.encode())

    def content(self) -> list[bytes]:
        """The packets of a file, up to its end."""
        packets = []
        while packet := self.receive():
            packets.append(packet)
        return packets


#: Answers a statement.
Answer = Callable[[PacketLink, str], None]


@dataclass
class PacketServer:
    """One thread for each client. `answer` answers what follows the set-up of a connection."""

    answer: Answer
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/bank"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(PacketLink(client),), daemon=True).start()

    def _serve(self, link: PacketLink) -> None:
        with link.socket, contextlib.suppress(EOFError, OSError):
            link.send(
                b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", _CAPABILITIES & 0xFFFF)
                + b"\xff" + struct.pack("<H", 2) + struct.pack("<H", _CAPABILITIES >> 16) + b"\x15" + bytes(10)
                + b"123456789012\0mysql_native_password\0"
            )  # fmt: skip
            link.receive()
            link.ok()
            while True:
                packet = link.receive()
                if packet[0] != _COM_QUERY:
                    return
                statement = packet[1:].decode()
                self.statements.append(statement)
                if statement.startswith("SET ") and "@" not in statement:
                    link.ok()
                else:
                    self.answer(link, statement)
