"""What the bare database takes: LOAD DATA LOCAL of finished files, on several connections, and nothing else."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

_MEMORY = Path("/dev/shm")  #: files that no disk slows down


def load(url: str, tables: Sequence[str], lines: Sequence[bytes], *, connections: int, rows: int) -> float:
    """Rows/s from the first statement to the last; `rows`: of each commit, 0 for all of a connection at once."""
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(connections + 1)
    shares = [lines[number::connections] for number in range(connections)]
    workers = [
        context.Process(target=_work, args=(url, tables[number % len(tables)], share, rows or len(share), gate))
        for number, share in enumerate(shares)
    ]
    for worker in workers:
        worker.start()
    gate.wait(60)
    began = time.monotonic()
    gate.wait(600)
    took = time.monotonic() - began
    for worker in workers:
        worker.join()
    return len(lines) / took


def _work(url: str, table: str, lines: Sequence[bytes], rows: int, gate: Barrier) -> None:
    where = make_url(url)
    connection: pymysql.Connection[Any] = pymysql.connect(
        host=where.host or "",
        port=where.port or 0,
        user=where.username,
        password=str(where.password or ""),
        autocommit=True,
        local_infile=True,
    )
    files = []
    for first in range(0, len(lines), rows):
        path = _MEMORY / f"rtpipe-bench-{multiprocessing.current_process().pid}-{first}"
        path.write_bytes(b"".join(lines[first : first + rows]))
        files.append(path)
    try:
        gate.wait(60)
        with connection, connection.cursor() as cursor:
            for path in files:
                cursor.execute(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {table} CHARACTER SET utf8mb4")
        gate.wait(600)
    finally:
        for path in files:
            path.unlink()
