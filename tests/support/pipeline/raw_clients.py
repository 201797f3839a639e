"""Clients without rtpipe: a connection to the database, and where a partition's log begins and ends."""

from __future__ import annotations

from typing import Any

import pymysql
from confluent_kafka import Consumer, KafkaException, TopicPartition
from sqlalchemy.engine import make_url

from tests.support.waits import eventually


def connect(url: str, database: str | None = None) -> pymysql.Connection[Any]:
    """A raw autocommit connection; without TLS, for which PyMySQL would load all certificates each time."""
    where = make_url(url)
    return pymysql.connect(
        host=where.host or "127.0.0.1",
        port=where.port or 3306,
        user=where.username,
        password=str(where.password or ""),
        database=database or where.database or None,
        autocommit=True,
        ssl_disabled=True,
    )


def watermarks_of(consumer: Consumer, where: TopicPartition) -> tuple[int, int]:
    """(low, high), asked again while a topic made a moment ago has no leader that knows it."""

    def ask() -> tuple[int, int] | None:
        try:
            return consumer.get_watermark_offsets(where, timeout=20)
        except KafkaException:
            return None

    found = eventually(ask, within=60, what=f"the watermarks of {where.topic}")
    assert found is not None
    return found
