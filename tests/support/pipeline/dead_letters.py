"""The dead letters of a topic, as a pipeline's admin reads them."""

from __future__ import annotations

from typing import Any

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from tests.support.pipeline.pipeline import Pipeline


def dead_letters_of(pipeline: Pipeline, topic: str) -> dict[int, dict[str, Any]]:
    """The topic's letters by offset."""
    names = [str(column.name) for column in DEAD_LETTERS.columns]
    listed = ", ".join(f"`{name}`" for name in names)
    rows = pipeline.query(f"SELECT {listed} FROM {DEAD_LETTERS.name} WHERE topic = %s ORDER BY `offset`", topic)
    return {row[2]: dict(zip(names, row, strict=True)) for row in rows}
