"""Which schemas `rtpipe verify --values` compares by: those of the topic's subjects, and of the ids in its messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from avro_schemas.columns.found_table import FoundTable
from avro_schemas.registry.errors import SchemaNotFoundError
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.key_schema import key_schema
from avro_schemas.tables.rules import TableRules
from supervisor.kafka.topic_reader import TopicReader
from supervisor.kafka.topic_sample import ids_within, known_schemas


def schemas_of(
    schemas: TopicSchemas,
    messages: TopicReader,
    topic: str,
    ranges: Mapping[int, tuple[int, int]],
    table: tuple[FoundTable | None, TableRules],
) -> Sequence[Any]:
    """All of them, the oldest first. Where no subject tells, every message is looked at once more for its id.

    SchemaNotFoundError if there is none, and the table's key columns tell nothing either.
    """
    known = schemas.versions()
    if not known:
        met = known_schemas(schemas, ids_within(messages, topic, ranges))
        known = {**schemas.versions(met.values()), **met}
    if known:
        return [known[number] for number in sorted(known)]
    found, rules = table
    of_key = key_schema(found, rules) if found is not None and rules.key else None
    if of_key is None:
        raise SchemaNotFoundError(
            f"topic {topic}: the registry has no subject of it, and no message has a schema of it",
            hint="`subject` in rtpipe.toml says under which subjects its schemas are",
        )
    return [of_key]
