"""The schema ids in some of a topic's messages: what tells of its schemas where no subject does."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from avro_schemas.avro.wire_format import WireFormatError, schema_id_of
from avro_schemas.registry.topic_schemas import TopicSchemas
from rtpipe.errors import SchemaError
from supervisor.kafka.topic_reader import TopicReader

#: Newest messages of each partition that are looked at, and seconds for Kafka's first answer.
SAMPLE, _SECONDS = 200, 8.0


def ids_within(reader: TopicReader, topic: str, ranges: Mapping[int, tuple[int, int]]) -> list[int]:
    """The ids in front of the values within {partition: (first offset, end)}, in ascending order."""
    found = set[int]()
    for batch in reader.messages(topic, ranges):
        for _, _, value, _ in batch:
            with contextlib.suppress(WireFormatError):
                if value is not None:
                    found.add(schema_id_of(value))
    return sorted(found)


def sampled_ids(kafka: Mapping[str, str], topic: str) -> list[int]:
    """The ids in the newest messages of each partition. Raises as TopicReader does."""
    with TopicReader(kafka, timeout=_SECONDS) as reader:
        ends = reader.watermarks(topic)
        return ids_within(reader, topic, {at: (max(low, high - SAMPLE), high) for at, (low, high) in ends.items()})


def known_schemas(schemas: TopicSchemas, ids: list[int]) -> dict[int, Any]:
    """Id -> schema of those ids that are the topic's; others are no message of it, or become dead letters."""
    found = {}
    for schema_id in ids:
        with contextlib.suppress(SchemaError):
            found[schema_id] = schemas.value(schema_id)
    return found
