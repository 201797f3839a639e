"""A topic and a table of any schema, in the place of those that a pipeline makes by itself."""

from __future__ import annotations

import contextlib
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import fastavro
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from sqlalchemy.engine import make_url

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from infra.provision.accounts import table_privileges
from infra.tables.ddl import create_table_sql
from tests.support.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses


@contextlib.contextmanager
def typed_pipeline(addresses: Addresses, directory: Path, partitions: int, **settings: Any) -> Iterator[Pipeline]:
    """A pipeline whose topic and table the test creates itself."""
    pipeline = Pipeline(addresses, directory, [f"t{uuid.uuid4().hex[:10]}"], partitions, settings=settings)
    try:
        yield pipeline
    finally:
        pipeline.kill_all()


def create_typed(pipeline: Pipeline, schema: dict[str, Any], table_schema: dict[str, Any] | None = None) -> int:
    """Topic and table of a schema; returns the schema's id."""
    topic = pipeline.topics[0]
    schema_id = register(pipeline, f"{topic}-value", schema)
    admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
    for future in admin.create_topics([NewTopic(topic, pipeline.partitions, 1)]).values():
        future.result(30)
    layout = table_layout(table_schema or schema, table=topic, rules=pipeline.rules)
    user = make_url(pipeline.addresses.database_url).username
    pipeline.query(create_table_sql(OFFSETS))
    pipeline.query(create_table_sql(layout.table))
    pipeline.query(f"GRANT SELECT, INSERT, UPDATE ON {pipeline.database}.kafka_offsets TO '{user}'@'%'")
    pipeline.query(create_table_sql(DEAD_LETTERS))
    pipeline.query(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {pipeline.database}.{DEAD_LETTERS.name} TO '{user}'@'%'")
    privileges = ", ".join(table_privileges(topic, pipeline.rules))
    pipeline.query(f"GRANT {privileges} ON {pipeline.database}.`{topic}` TO '{user}'@'%'")
    pipeline.write_settings()
    return schema_id


def register(pipeline: Pipeline, subject: str, schema: dict[str, Any]) -> int:
    with SchemaRegistryClient({"url": pipeline.addresses.schema_registry_url}) as registry:
        return int(registry.register_schema(subject, Schema(json.dumps(schema), "AVRO")))


def wire(schema_id: int, schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    out.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()
