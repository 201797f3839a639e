"""Topics that are filled with rows as they stand in container files, and whether each row is then in its table."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import SchemaRegistryError

from avro_schemas.tables.layout import TableLayout, table_layout
from infra.tables.ddl import create_table_sql
from rtpipe.mysql.quoting import quoted
from supervisor.verify.forms.table_values import select_list
from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.raw_clients import connect
from tests.support.pipeline.typed_topic import register
from tests.support.samples.avro.foreign_avro import Container, Expected

if TYPE_CHECKING:
    from avro_schemas.columns.column_types import ColumnShape


def fill(pipeline: Pipeline, containers: dict[str, Container]) -> dict[str, TableLayout]:
    """Subjects, topics, tables, messages; those that the registry refuses are left out."""
    admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
    for future in admin.create_topics([NewTopic(topic, 1, 1) for topic in containers]).values():
        future.result(60)
    producer = ordered_producer(pipeline.addresses.bootstrap_servers)
    filled = {}
    for topic, container in containers.items():
        try:
            schema_id = register(pipeline, f"{topic}-value", container.schema)
        except SchemaRegistryError as refused:
            if refused.http_status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
            continue
        layout = table_layout(container.schema, table=topic)
        pipeline.query(create_table_sql(layout.table).replace("%", "%%"), *())
        pipeline.query(f"GRANT SELECT, INSERT ON bank.{quoted(topic)} TO 'consumer'@'%'")
        for body in container.rows:
            producer.produce(topic, b"\0" + schema_id.to_bytes(4, "big") + body, partition=0)
        filled[topic] = layout
    assert producer.flush(60) == 0
    return filled


def check_rows(pipeline: Pipeline, layout: TableLayout, container: Container, refused: Collection[str] = ()) -> None:
    """Rows and dead letters together are the container's rows; `refused` are the error names that a letter may have."""
    with contextlib.closing(connect(pipeline.addresses.admin_database_url, "bank")) as reader:
        cursor = reader.cursor()
        cursor.execute(f"SELECT {select_list(layout.columns)} FROM {quoted(layout.name)}")
        stored = Counter(repr(tuple(map(_shown, layout.columns, row))) for row in cursor.fetchall())
        cursor.execute("SELECT `offset`, error_name FROM rtpipe_dead_letters WHERE topic = %s", (layout.name,))
        dead = dict(cursor.fetchall())
    expected = Expected(container.schema)
    wanted = Counter(
        repr(tuple(_float_as(shape, expected.row(body)[shape.field]) for shape in layout.columns))
        for offset, body in enumerate(container.rows)
        if offset not in dead
    )
    assert stored == wanted, layout.name
    assert set(dead.values()) <= set(refused), layout.name


def _shown(column: ColumnShape, value: Any) -> Any:
    return json.dumps(json.loads(value), sort_keys=True) if column.of.nested and value is not None else value


def _float_as(column: ColumnShape, value: Any) -> Any:
    if column.of.avro_type == "boolean" and value is not None:
        return int(value)
    return value + 0.0 if isinstance(value, float) else value
