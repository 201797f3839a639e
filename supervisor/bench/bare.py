"""What a database takes from anybody: the finished rows of its tables, written again into empty copies of them by
several connections at once, with nothing else to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL

from rtpipe.mysql.engine import bare_connection
from rtpipe.mysql.error_numbers import UNKNOWN_VARIABLE, number_of
from rtpipe.mysql.local_load import LoadingConnection
from rtpipe.mysql.quoting import quoted
from supervisor.bench.figures import Bare
from supervisor.bench.table_rows import read_rows
from supervisor.bench.watch import BenchError

_PACKET = 1 << 18
#: Most rows and bytes of one INSERT.
_INSERT_ROWS, _INSERT_BYTES = 5_000, 4 << 20
_ON = frozenset({"1", "ON"})
#: Bytes of rows that are kept in memory, for all tables together.
_MOST_BYTES = 256 << 20
#: Seconds for the connections to be open, and for one run.
_OPENING, _RUNNING = 60, 900


@dataclass(frozen=True, slots=True)
class Statement:
    """A LOAD DATA with its content, or an INSERT that holds its rows."""

    text: bytes
    content: bytes
    rows: int


#: The statements of one transaction.
Transaction = Sequence[Statement]


class BareDatabase:
    """The rows of `tables` in the URL's database, kept in memory. Its account may create and drop tables there.

    Rows that are updated by key (`upsert`) go by INSERT, as nothing else can do that, the others by LOAD DATA LOCAL if
    the server takes it.
    """

    def __init__(self, url: URL, tables: Sequence[str], *, rows: int, upsert: bool = False) -> None:
        self._url = url
        each, size = -(-rows // len(tables)), _MOST_BYTES // len(tables)
        self._kept = {table: read_rows(url, table, most_rows=each, most_bytes=size) for table in tables}
        self._upsert = upsert
        self.loads = not upsert and self._takes_load()
        self._texts = {table: kept.lines() if self.loads else kept.literals() for table, kept in self._kept.items()}
        self.rows = sum(map(len, self._texts.values()))

    def run(self, connections: int, rows: int, cpu: Callable[[], float] = lambda: 0.0) -> Bare:
        """Write them once, `rows` of each commit, 0 for all of a connection at once; `cpu`: seconds that the database
        has used so far. BenchError if not every row was written as it is.
        """
        self._for_each("DROP TABLE IF EXISTS {copy}", "CREATE TABLE {copy} LIKE {table}")
        try:
            work = [list(self._share(number, connections, rows)) for number in range(connections)]
            before = cpu()
            seconds = _send(self._url, [some for some in work if some])
            return Bare(self.rows / seconds, (cpu() - before) / self.rows * 1e6)
        finally:
            self._for_each("DROP TABLE IF EXISTS {copy}")

    def _share(self, number: int, connections: int, rows: int) -> Iterator[Transaction]:
        """What one of the connections sends: rows of one table, unless there are fewer connections than tables."""
        tables = sorted(self._kept)
        for at, table in enumerate(tables):
            if connections < len(tables):
                share = self._texts[table][number::connections]
            elif number % len(tables) == at:
                share = self._texts[table][number // len(tables) :: _users(at, connections, len(tables))]
            else:
                continue
            size = rows or max(len(share), 1)
            for start in range(0, len(share), size):
                yield self._transaction(table, share[start : start + size])

    def _transaction(self, table: str, texts: Sequence[bytes]) -> Transaction:
        kept, copy = self._kept[table], _copy(table)
        if self.loads:
            return [Statement(kept.load(copy), b"".join(texts), len(texts))]
        head, tail = kept.insert(copy) + b"(", b")" + (kept.update() if self._upsert else b"")
        some = max(1, min(_INSERT_ROWS, _INSERT_BYTES // max(map(len, texts))))
        parts = [texts[start : start + some] for start in range(0, len(texts), some)]
        return [Statement(head + b"),(".join(part) + tail, b"", len(part)) for part in parts]

    def _takes_load(self) -> bool:
        connection = bare_connection(self._url)
        with connection, connection.cursor() as cursor:
            try:
                cursor.execute("SELECT @@GLOBAL.local_infile")
            except Exception as error:
                if number_of(error) != UNKNOWN_VARIABLE:
                    raise
                return False
            row: Any = cursor.fetchone()
            return str(row[0]).upper() in _ON

    def _for_each(self, *statements: str) -> None:
        connection = bare_connection(self._url, autocommit=True)
        with connection, connection.cursor() as cursor:
            for table in self._kept:
                for statement in statements:
                    cursor.execute(statement.format(copy=quoted(_copy(table)), table=quoted(table)))


def _copy(table: str) -> str:
    return f"{table[:50]}_bare"


def _users(at: int, connections: int, tables: int) -> int:
    """How many connections write this table."""
    return len(range(at, connections, tables))


def _send(url: URL, work: Sequence[Sequence[Transaction]]) -> float:
    """Seconds from the first statement to the last reply. Threads are enough: they wait for the server all the time."""
    gate = threading.Barrier(len(work) + 1)
    failed: list[BaseException] = []
    threads = [threading.Thread(target=_one, args=(url, some, gate, failed), daemon=True) for some in work]
    for thread in threads:
        thread.start()
    try:
        gate.wait(_OPENING)
        began = time.monotonic()
        gate.wait(_RUNNING)
        took = time.monotonic() - began
    except threading.BrokenBarrierError:
        raise failed[0] if failed else BenchError("the database did not take the rows in time") from None
    finally:
        gate.abort()
    for thread in threads:
        thread.join()
    return took


def _one(url: URL, work: Sequence[Transaction], gate: threading.Barrier, failed: list[BaseException]) -> None:
    try:
        connection = bare_connection(url, autocommit=False, local_infile=True, charset="utf8mb4")
        with connection:
            gate.wait(_OPENING)
            for transaction in work:
                for statement in transaction:
                    _run(connection, statement)
                connection.commit()
            gate.wait(_RUNNING)
    except threading.BrokenBarrierError:
        pass
    except BaseException as error:
        failed.append(error)
        gate.abort()


def _run(connection: LoadingConnection, statement: Statement) -> None:
    rows, warnings = (
        connection.load(statement.text, _packets(statement.content))
        if statement.content
        else (connection.query(statement.text) or 0, 0)
    )
    if rows < statement.rows or warnings:
        raise BenchError(f"of {statement.rows} rows {rows} were written, with {warnings} warnings")


def _packets(content: bytes) -> Iterator[memoryview]:
    whole = memoryview(content)
    for start in range(0, len(whole), _PACKET):
        yield whole[start : start + _PACKET]
