"""Faults that come from the database: a row that somebody has locked, a connection that is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pymysql
from sqlalchemy.engine import make_url

_ROW = "FROM kafka_offsets WHERE topic = %s AND `partition` = %s"


@contextmanager
def lock_on(database_url: str, topic: str, partition: int) -> Iterator[None]:
    """Hold the partition's row in kafka_offsets, as another program could: its writer cannot commit."""
    with closing(_connect(database_url)) as connection:
        connection.cursor().execute(f"SELECT `offset` {_ROW} FOR UPDATE", (topic, partition))
        yield
        connection.rollback()


def cut_connection(database_url: str, topic: str, partition: int) -> None:
    """KILL the writer's connection, whatever it is in the middle of."""
    with closing(_connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT connection_id {_ROW}", (topic, partition))
        row = cursor.fetchone()
        with suppress(pymysql.err.MySQLError):  # a writer that was killed a moment ago has none
            cursor.execute("KILL %s", row)


def _connect(url: str) -> pymysql.Connection[Any]:
    where = make_url(url)
    return pymysql.connect(
        host=where.host or "",
        port=where.port or 0,
        user=where.username,
        password=str(where.password),
        database=where.database,
    )
