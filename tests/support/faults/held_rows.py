"""Rows that somebody else locks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.raw_clients import connect


@contextlib.contextmanager
def locked_offsets(pipeline: Pipeline) -> Iterator[None]:
    """Hold the offset rows of the pipeline's first topic from outside: no batch can commit."""
    with contextlib.closing(connect(pipeline.addresses.admin_database_url, pipeline.database)) as connection:
        connection.autocommit(False)
        connection.cursor().execute("SELECT * FROM kafka_offsets WHERE topic = %s FOR UPDATE", (pipeline.topics[0],))
        yield
        connection.rollback()
