"""A connection that sends rows from memory as the content of a LOAD DATA LOCAL, and no file of this machine, ever.

A server may answer any statement with a request for any file: that is how a hostile one reads its clients' disks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.connections import MySQLResult
from pymysql.constants import COMMAND, SERVER_STATUS

from rtpipe.mysql.error_numbers import FILE_REQUESTED, OUT_OF_SYNC

if TYPE_CHECKING:
    from pymysql.protocol import MysqlPacket

#: The file that a LOAD DATA LOCAL of ours names; there is none.
FILE_NAME = "rtpipe.rows"
#: Bytes before each packet; and with what a packet begins which says that a statement is done, or failed.
_HEADER, _OK, _ERROR = 4, 0x00, 0xFF
#: First bytes of a number that is in so many bytes after it; a smaller one is the number itself.
_LENGTHS = {252: 2, 253: 3, 254: 8}


class LoadingConnection(pymysql.Connection):
    """PyMySQL's, but for a request for a file: it is answered during `load` alone, with what `load` was given."""

    _content: Iterable[bytes | memoryview] | None = None
    _result: MySQLResult | None

    def load(self, statement: bytes, content: Iterable[bytes | memoryview]) -> tuple[int, int]:
        """Run a LOAD DATA LOCAL INFILE of `FILE_NAME`, whose content goes in these packets; each is shorter than the
        server's max_allowed_packet. Rows and warnings, as the server counts them. Raises what PyMySQL raises.
        """
        self._content = content
        try:
            self.query(statement)
        finally:
            self._content = None
        result = self._result
        return (result.affected_rows or 0, result.warning_count) if result else (0, 0)

    def results(self, statements: bytes) -> Iterator[int]:
        """Run several statements that give no rows, sent as one text; how many rows each wrote. The server ends with
        the first that fails, whose error is raised in its turn. Whoever takes not all of them ends the connection.
        Needs CLIENT.MULTI_STATEMENTS.
        """
        self._execute_command(COMMAND.COM_QUERY, statements)  # type: ignore[attr-defined]
        self._begin_to_read()
        number, complete = 0, False
        try:
            while not complete:
                number += 1
                rows, complete = self._done(number)
                yield rows
        except pymysql.err.MySQLError:
            complete = True
            raise
        finally:
            if not complete:
                self._force_close()  # type: ignore[attr-defined]

    def _begin_to_read(self) -> None:
        """As PyMySQL begins with each packet."""
        driver: Any = self
        driver._current_timeout = driver._read_timeout  # noqa: SLF001 - the driver has no other way to it
        driver._sock.settimeout(driver._read_timeout)  # noqa: SLF001

    def _done(self, number: int) -> tuple[int, bool]:
        """The server's word of this number, which says that a statement is done: how many rows it wrote, and whether it
        was the last. PyMySQL's own way makes several objects for each of them, and there are hundreds a second.
        """
        read: Callable[[int], bytes] = self._read_bytes  # type: ignore[attr-defined]
        header = read(_HEADER)
        packet = read(int.from_bytes(header[:3], "little"))
        first = packet[0] if packet and header[3] == number & 0xFF else None
        if first == _ERROR:
            pymysql.err.raise_mysql_exception(packet)
        if first != _OK:  # rows, a request for a file, or the answer to something else
            self._force_close()  # type: ignore[attr-defined]
            raise pymysql.err.OperationalError(OUT_OF_SYNC, "the server answered something else than that it is done")
        rows, end = _number(packet, 1)
        _, end = _number(packet, end)  # the id of an inserted row
        return rows, not packet[end] & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS

    def _read_query_result(self, unbuffered: bool = False) -> int | None:
        """As PyMySQL does it, but for the class of the result."""
        self._result = None
        result = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows

    def answer(self, name: bytes) -> MysqlPacket:
        """Answer the server's request for a file; its last packet about it. The connection ends with a request for
        another file than ours, at any other moment, or for a second time.
        """
        content, self._content = self._content, None
        try:
            if content is None or name != FILE_NAME.encode():
                with contextlib.suppress(pymysql.err.Error):
                    self.write_packet(b"")  # no content
                raise pymysql.err.OperationalError(FILE_REQUESTED, "the server asked for a file")
            for packet in content:
                self.write_packet(packet)
            self.write_packet(b"")
        except BaseException:
            self._force_close()  # type: ignore[attr-defined]
            raise
        last: MysqlPacket = self._read_packet()  # type: ignore[no-untyped-call]
        return last


class _Result(MySQLResult):
    """PyMySQL's would read whatever file the server names, where LOCAL is on."""

    connection: LoadingConnection

    def _read_load_local_packet(self, first_packet: MysqlPacket) -> None:
        connection = self.connection
        request: bytes = first_packet.get_all_data()  # type: ignore[no-untyped-call]
        last = connection.answer(request[1:])
        if not last.is_ok_packet():
            connection._force_close()  # type: ignore[attr-defined]  # noqa: SLF001 - of the same module
            raise pymysql.err.OperationalError(OUT_OF_SYNC, "no end of LOAD DATA")
        self._read_ok_packet(last)  # type: ignore[attr-defined]


def _number(packet: bytes, at: int) -> tuple[int, int]:
    """The number at a place of a packet, and where it ends."""
    start = at + 1
    if (length := _LENGTHS.get(packet[at])) is None:
        return packet[at], start
    return int.from_bytes(packet[start : start + length], "little"), start + length
