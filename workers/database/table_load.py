"""LOAD DATA LOCAL: the statement, its content in packets, and whether the server takes it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.engine import Connection

from rtpipe.mysql.error_numbers import UNKNOWN_VARIABLE
from rtpipe.mysql.local_load import FILE_NAME
from rtpipe.mysql.quoting import quoted
from workers import kill_points
from workers.database.errors import DatabaseTrouble, translated

#: Bytes of a packet: the server begins with the first while the next are on their way.
_PACKET = 1 << 18
#: On a server that has it, a LOAD DATA would commit every 10,000 rows, whatever transaction it is in.
_SPLITTING = "@@GLOBAL.wsrep_load_data_splitting"
_ON = frozenset({"1", "ON"})


def load_statement(table: str, columns: str) -> bytes:
    """`columns` says which are in the content: fields end with a tab and lines with a newline, texts are in double
    quotes, and nothing is escaped.
    """
    return (
        f"LOAD DATA LOCAL INFILE '{FILE_NAME}' INTO TABLE {quoted(table)} CHARACTER SET utf8mb4"
        " FIELDS TERMINATED BY '\\t' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n'"
        f" {columns}"
    ).encode()


def packets_of(content: bytes, max_packet: int) -> Iterator[memoryview]:
    """The content in pieces, each shorter than what the server takes."""
    whole, size = memoryview(content), min(_PACKET, max_packet // 2)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
        kill_points.reach("writer:mid_load")


class LoadChecks:
    """Asks over the connection of a session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._may_split = True  #: the server may have the variable

    def takes_load(self, table: str) -> bool:
        """Whether rows may go into this table by LOAD DATA LOCAL: the server allows it, and there is no trigger that
        the account may see. Any other runs as it does with INSERT: its errors are errors, and no warnings.

        Raises DatabaseTrouble.
        """
        try:
            return self._asked(table)
        except DatabaseTrouble as trouble:
            if trouble.number != UNKNOWN_VARIABLE:
                raise
        if not self._may_split:
            return False
        self._may_split = False
        return self.takes_load(table)

    def _asked(self, table: str) -> bool:
        """In one question, since it is asked often."""
        sql = (
            f"SELECT @@GLOBAL.local_infile, {_SPLITTING if self._may_split else 0},"
            " (SELECT COUNT(*) FROM information_schema.triggers"
            " WHERE event_object_schema = DATABASE() AND event_object_table = :t)"
        )
        with translated():
            allowed, splits, triggers = self._connection.execute(text(sql), {"t": table}).one()
            self._connection.rollback()
        return _is_on(allowed) and not _is_on(splits) and not triggers


def _is_on(value: object) -> bool:
    return str(value).upper() in _ON
