"""A TCP proxy in front of the database that reads MySQL packets and breaks the stream at a statement of our choice.

Plain text only: a real MySQL server offers TLS, so its URL carries `ssl_disabled=true`. One thread reads the client's
packets and one the server's bytes; a fault is looked up where a query comes in, and what it did is counted where it
was done, so that a test can say that the fault hit.
"""

from __future__ import annotations

import contextlib
import enum
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy.engine import make_url

from tests.support.faults.tally import TALLY
from tests.support.faults.tcp_proxy import HOST, Link, Proxy

_COM_QUERY = 3


class Statement(enum.Enum):
    """What a writer sends in a batch, in this order; statements of claims and of anybody else are none of these."""

    CAS = "compare-and-set"
    INSERT = "insert"
    COMMIT = "commit"


class Do(enum.Enum):
    """What becomes of the statement and of its reply."""

    CUT_BEFORE = "the connection breaks before the server sees it"
    CUT_AFTER = "the server does it, the connection breaks before the reply"
    HOLD_QUERY = "the server sees it only once released, even if the client is gone by then"
    HOLD_REPLY = "the server does it, the reply comes only once released"
    REFUSE = "the server never sees it, the client gets an error packet"
    CALL = "a function of the test runs first, then it goes on"


@dataclass
class Fault:
    """Hits the next `times` statements of its kind. `hits` counts, `hit` is set at the first, `release` ends holds."""

    statement: Statement | None  #: None: by its `pattern`
    do: Do
    times: int = 1
    number: int = 0
    sqlstate: str = "HY000"
    call: Callable[[DatabaseLink], None] = lambda _link: None
    pattern: re.Pattern[bytes] | None = None  #: of any statement, whoever sends it
    hits: int = 0
    hit: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def count(self) -> None:
        TALLY.hit()
        self.hits += 1
        self.hit.set()

    def release(self) -> None:
        """Let go what is held, and hit nothing more."""
        self.times = 0
        self.released.set()


@dataclass(eq=False)
class DatabaseLink(Link):
    """A link whose packets are read."""

    thread_id: int = 0  #: the server's number of this connection
    in_batch: bool = False  #: a compare-and-set went through and no COMMIT or ROLLBACK since
    reply: Fault | None = None  #: what waits for the server's next bytes


class DatabaseProxy(Proxy[DatabaseLink]):
    """Listens on `port`; `arm` a fault, then look at its `hits`."""

    def __init__(self, url: str) -> None:
        where = make_url(url)
        self.statements: list[Statement] = []  #: all of batches, as they came
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        super().__init__((where.host or HOST, where.port or 3306), DatabaseLink)
        self.url = where.set(host=HOST, port=self.port, query={"ssl_disabled": "true"}).render_as_string(
            hide_password=False
        )

    def arm(self, statement: Statement, do: Do, **more: object) -> Fault:
        """Break the next statement of this kind (or the next `times`)."""
        fault = Fault(statement, do, **more)  # type: ignore[arg-type]
        with self._lock:
            self._faults.append(fault)
        return fault

    def refuse(self, pattern: str, number: int, *, times: int = 1, sqlstate: str = "HY000") -> Fault:
        """Answer the next `times` statements in which the pattern is found with an error; the server sees none."""
        return self.arm_at(pattern, Do.REFUSE, times=times, number=number, sqlstate=sqlstate)

    def arm_at(self, pattern: str, do: Do, **more: object) -> Fault:
        """Break the next statement in which the pattern is found (or the next `times`), whatever it is."""
        fault = Fault(None, do, pattern=re.compile(pattern.encode()), **more)  # type: ignore[arg-type]
        with self._lock:
            self._faults.append(fault)
        return fault

    def close(self) -> None:
        for fault in self._faults:
            fault.release()
        super().close()

    # -- client to server --------------------------------------------------------------------------------------------

    def _from_client(self, link: DatabaseLink) -> None:
        while True:
            header = _exactly(link.client, 4)
            packet = header + _exactly(link.client, int.from_bytes(header[:3], "little"))
            self._wait_to_flow()
            if header[3] != 0 or packet[4:5] != bytes([_COM_QUERY]):
                link.server.sendall(packet)
            elif not self._query(link, packet):
                return

    def _query(self, link: DatabaseLink, packet: bytes) -> bool:
        """Pass one query on, or break it; False if the connection is to end."""
        fault = self._fault_for(_statements(link, packet[5:])) or self._fault_at(packet[5:])
        if fault is None:
            link.server.sendall(packet)
            return True
        if fault.do is Do.CUT_BEFORE:
            fault.count()
            return False
        if fault.do is Do.REFUSE:
            link.client.sendall(_error_packet(fault.number, fault.sqlstate))
            fault.count()
            return True
        if fault.do is Do.HOLD_QUERY:
            fault.count()
            fault.released.wait()
        elif fault.do is Do.CALL:
            fault.call(link)
            fault.count()
        else:
            link.reply = fault
        link.server.sendall(packet)
        return True

    def _fault_for(self, statements: tuple[Statement, ...]) -> Fault | None:
        with self._lock:
            self.statements += statements
            for fault in self._faults:
                if fault.statement in statements and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def _fault_at(self, sql: bytes) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.pattern is not None and fault.pattern.search(sql):
                    fault.times -= 1
                    return fault
        return None

    # -- server to client --------------------------------------------------------------------------------------------

    def _from_server(self, link: DatabaseLink) -> None:
        data = link.server.recv(65_536)
        greeting = re.match(rb"....\x0a[^\0]*\0(....)", data, re.DOTALL)
        if greeting:
            link.thread_id = struct.unpack("<I", greeting[1])[0]
        while data:
            fault, link.reply = link.reply, None
            if fault is not None:
                fault.count()
                if fault.do is Do.CUT_AFTER:
                    return
                fault.released.wait()
            self._wait_to_flow()
            link.client.sendall(data)
            data = link.server.recv(65_536)


def _statements(link: DatabaseLink, sql: bytes) -> tuple[Statement, ...]:
    """What the query is, or all that goes in its one round trip, and whether a batch's transaction is open after it."""
    if sql.startswith(b"UPDATE kafka_offsets SET `offset`="):
        if sql.endswith(b";COMMIT"):
            return tuple(Statement)
        link.in_batch = True
        return (Statement.CAS,)
    if link.in_batch and sql.startswith((b"INSERT ", b"LOAD DATA ")):
        return (Statement.INSERT,)
    if sql in {b"COMMIT", b"ROLLBACK"}:
        was, link.in_batch = link.in_batch, False
        return (Statement.COMMIT,) if was and sql == b"COMMIT" else ()
    return ()


def _exactly(source: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        data = source.recv(min(count - len(parts), 1 << 20))
        if not data:
            raise EOFError
        parts += data
    return bytes(parts)


def _error_packet(number: int, sqlstate: str) -> bytes:
    body = b"\xff" + struct.pack("<H", number) + b"#" + sqlstate.encode() + b"forged"
    return len(body).to_bytes(3, "little") + b"\x01" + body


@contextlib.contextmanager
def database_proxy(url: str) -> Iterator[DatabaseProxy]:
    """A proxy to the database of `url`, with the same account."""
    proxy = DatabaseProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
