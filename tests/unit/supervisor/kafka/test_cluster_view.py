"""Questions to a cluster, against a broker of our own that knows of no broker."""

from __future__ import annotations

import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

API_VERSIONS, METADATA = 18, 3
UNSUPPORTED_VERSION, LEADER_NOT_AVAILABLE = 35, 5


def string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


class LonelyBroker(socketserver.ThreadingTCPServer):
    """Names itself once, then no broker, as one does for a moment after its session with the controller ran out."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self._named = False

    def brokers(self) -> bytes:
        """An array of nodes: id, host, port, no rack."""
        if self._named:
            return struct.pack(">i", 0)
        self._named = True
        host, port = self.server_address[:2]
        return struct.pack(">ii", 1, 1) + string(str(host)) + struct.pack(">ih", int(port), -1)


class Connection(socketserver.StreamRequestHandler):
    """One client's."""

    server: LonelyBroker

    def handle(self) -> None:
        while size := self.rfile.read(4):
            request = self.rfile.read(struct.unpack(">i", size)[0])
            key, version, correlation, client = struct.unpack_from(">hhih", request)
            body = request[10 + max(0, client) :]
            answer = versions(version) if key == API_VERSIONS else self.metadata(body)
            self.wfile.write(struct.pack(">ii", 4 + len(answer), correlation) + answer)

    def metadata(self, body: bytes) -> bytes:
        """Version 4: brokers, the cluster's id, the controller, and the topics asked for, without a partition."""
        (topics,) = struct.unpack_from(">i", body)
        names, at = b"", 4
        for _ in range(max(0, topics)):
            end = at + 2 + struct.unpack_from(">h", body, at)[0]
            names += struct.pack(">h", LEADER_NOT_AVAILABLE) + body[at:end] + struct.pack(">bi", 0, 0)
            at = end
        cluster = string("lonely") + struct.pack(">ii", 1, max(0, topics))
        return struct.pack(">i", 0) + self.server.brokers() + cluster + names


def versions(version: int) -> bytes:
    """What it speaks, in the first form, which every client knows; whoever asks in a newer one asks again."""
    known = struct.pack(">hhhhhh", API_VERSIONS, 0, 0, METADATA, 0, 4)
    return struct.pack(">hi", UNSUPPORTED_VERSION if version else 0, 2) + known


@pytest.fixture
def lonely_broker() -> Iterator[str]:
    """Its address."""
    with LonelyBroker() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


ASK = """
from rtpipe.errors import UnreachableError
from supervisor.kafka.cluster_view import ClusterView

try:
    print(ClusterView({{"bootstrap.servers": "{address}"}}, timeout=10).cluster_id("orders"))
except UnreachableError:
    print("unreachable")
"""


def test_a_broker_that_knows_of_no_broker_is_asked_for_the_cluster_id(lonely_broker: str) -> None:
    """In a process of its own: librdkafka's own question for it would end that by SIGABRT.

    On a slow machine the client may have asked before, and so has no broker left to ask.
    """
    command = [sys.executable, "-c", ASK.format(address=lonely_broker)]
    asked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout in {"lonely\n", "unreachable\n"}
