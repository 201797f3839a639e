"""The rows of a long answer as they come, many at a time: PyMySQL makes several objects for each row, this does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pymysql

from rtpipe.mysql.error_numbers import CONNECTION_LOST, OUT_OF_SYNC

#: Bytes of rows that are asked of the socket at once.
CHUNK = 256 * 1024
#: Of a packet of so many bytes the rest follows in the next one.
_FULL = 0xFFFFFF
#: First bytes of a packet that is no row, of fewer bytes than a row that begins so.
_EOF, _ERROR, _EOF_SIZE = 0xFE, 0xFF, 9
#: First bytes of a value: up to this one it is the length itself; NULL; the length is in so many bytes after it.
_SHORT, _NULL = 250, 251
_LENGTHS = {252: 2, 253: 3, 254: 8}

#: The values of a row as the server sent them; None: NULL.
Cells = list[bytes | None]


def row_packets(connection: pymysql.Connection[Any], statement: str) -> tuple[Sequence[bool], Iterator[list[bytes]]]:
    """Of each column whether it is text, not bytes; and the packets of rows, some at a time, never all.

    The connection takes no other statement before the last row; if they are not read to the end, it is closed. Raises
    what PyMySQL raises.
    """
    connection.query(statement, unbuffered=True)
    answer: Any = connection._result  # type: ignore[attr-defined]  # noqa: SLF001 - the driver has no other way to it
    answer.unbuffered_active = False  # the driver shall not read on by itself
    return [encoding is not None for encoding, _ in answer.converters], _packets(connection)


def cells_of(packet: bytes, columns: int) -> Cells:
    """The values in a row's packet."""
    at = 0
    found: Cells = []
    for _ in range(columns):
        size = packet[at]
        at += 1
        if size > _SHORT:
            if size == _NULL:
                found.append(None)
                continue
            width = _LENGTHS[size]
            size = int.from_bytes(packet[at : at + width], "little")
            at += width
        found.append(packet[at : at + size])
        at += size
    return found


def _packets(connection: Any) -> Iterator[list[bytes]]:
    packets = _Packets(connection._rfile, connection._next_seq_id)  # noqa: SLF001
    try:
        while not packets.ended:
            yield packets.some()
    finally:
        if not packets.ended:
            connection._force_close()  # noqa: SLF001


class _Packets:
    """Cuts what the server sends into packets, until one says that there are no more."""

    def __init__(self, stream: Any, number: int) -> None:
        """`number`: of the first packet."""
        self._read_some: Callable[[int], bytes] = stream.read1
        self._read_all: Callable[[int], bytes] = stream.read
        self._number = number
        self._rest = b""
        self._missing = 0  # bytes of the packet whose beginning is the rest
        self._begun = b""  # of a row that goes on in the next packet
        self.ended = False

    def some(self) -> list[bytes]:
        """Rows that have come; perhaps none."""
        more = self._read_all(self._missing) if self._missing > CHUNK else self._read_some(CHUNK)
        if not more:
            raise pymysql.err.OperationalError(CONNECTION_LOST, "Lost connection to MySQL server during query")
        data, at, number = self._rest + more, 0, self._number
        size, found = len(data), []
        self._missing = 0
        while size - at >= 4:  # noqa: PLR2004 - a packet's header
            end = at + 4 + (data[at] | data[at + 1] << 8 | data[at + 2] << 16)
            if end > size:
                self._missing = end - size
                break
            if data[at + 3] != number:
                raise pymysql.err.InternalError(OUT_OF_SYNC, "Packet sequence number wrong")
            number = number + 1 & 0xFF
            packet = data[at + 4 : end]
            at = end
            if len(packet) == _FULL or self._begun:
                self._begun += packet
                if len(packet) == _FULL:
                    continue
                packet, self._begun = self._begun, b""
            elif packet[0] >= _EOF and self._ends(packet):
                break
            found.append(packet)
        self._rest, self._number = data[at:], number
        return found

    def _ends(self, packet: bytes) -> bool:
        """Whether it is the one after the last row. Raises the server's error."""
        if packet[0] == _ERROR:
            self.ended = True
            pymysql.err.raise_mysql_exception(packet)
        self.ended = len(packet) < _EOF_SIZE
        return self.ended
