"""Container files that others wrote, produced to Kafka and supervised: each row is in its table or a dead letter."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import SchemaRegistryError
from sqlalchemy.engine import make_url

from avro_schemas.tables.differences import differences
from avro_schemas.tables.layout import TableLayout, table_layout
from infra.tables.ddl import create_table_sql
from infra.tables.table_look import found_table
from rtpipe.errors import SchemaError
from rtpipe.mysql.quoting import quoted
from supervisor.verify.values import select_list
from tests.support import foreign_avro
from tests.support.foreign_avro import Container, Expected
from tests.support.pipeline import Pipeline, connect, running_pipeline
from tests.support.supervision import supervised
from tests.support.typed_topic import register
from workers.commit.database_session import DatabaseSession, open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from avro_schemas.columns.types import ColumnShape
    from infra.stack.state import Addresses

_RAW: dict[str, Any] = {"no_parameters": True}


@pytest.mark.faults
def test_every_container_file(
    database: Addresses, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """One topic and one table a file, all under one supervisor."""
    foreign_avro.require()
    with running_pipeline(database, tmp_path, partitions=1, metadata=False, on_error="dead_letter") as pipeline:
        found = {}
        for number, path in enumerate(foreign_avro.files(".avro")):
            container = foreign_avro.container(path)
            if container is None:
                assert "corrupt" in path.parent.name or path.parent.name == "datagen", path  # those are schemas
            else:
                found[f"{pipeline.topics[0]}-{number}"] = (path, container)
        filled = fill(pipeline, {topic: container for topic, (_, container) in found.items()})
        pipeline.topics = list(filled)
        assert supervised(pipeline, within=240) == 0
        for topic, layout in filled.items():
            check(pipeline, layout, found[topic][1], found[topic][0])
        verified = pipeline.run("verify", "--topics", ",".join(filled), "--values", within=240)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        record_property("files checked", f"container files of others: {len(filled)}")
        assert len(filled) > 40


def fill(pipeline: Pipeline, containers: dict[str, Container]) -> dict[str, TableLayout]:
    """Subjects, topics, tables, messages; those that the registry refuses are left out."""
    admin = AdminClient({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
    for future in admin.create_topics([NewTopic(topic, 1, 1) for topic in containers]).values():
        future.result(60)
    producer = Producer({"bootstrap.servers": pipeline.addresses.bootstrap_servers})
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


def check(pipeline: Pipeline, layout: TableLayout, container: Container, path: Path) -> None:
    """Rows and dead letters together are the file's rows; a value that no column holds is the only reason for one."""
    with contextlib.closing(connect(pipeline.addresses.admin_database_url, "bank")) as reader:
        cursor = reader.cursor()
        cursor.execute(f"SELECT {select_list(layout.columns)} FROM {quoted(layout.name)}")
        stored = Counter(repr(tuple(map(shown, layout.columns, row))) for row in cursor.fetchall())
        cursor.execute("SELECT `offset`, error_name FROM rtpipe_dead_letters WHERE topic = %s", (layout.name,))
        dead = dict(cursor.fetchall())
    expected = Expected(container.schema)
    wanted = Counter(
        repr(tuple(float_as(shape, expected.row(body)[shape.field]) for shape in layout.columns))
        for offset, body in enumerate(container.rows)
        if offset not in dead
    )
    assert stored == wanted, path
    assert set(dead.values()) <= ({"E_VALUE"} if path.name == "single_nan.avro" else set()), path


def test_the_table_of_every_schema(database: Addresses, record_property: Callable[[str, object], None]) -> None:
    """The SQL runs at the first try, and the table is then what it was planned to be."""
    foreign_avro.require()
    url = make_url(database.admin_database_url).set(database="bank").render_as_string(hide_password=False)
    session = open_session(url, 20)
    checked = 0
    for number, path in enumerate(foreign_avro.files(".avsc", ".avro")):
        with contextlib.suppress(ValueError, SchemaError):
            layout = table_layout(json.loads(path.read_text()), table=f"schema_{number}")
            create(session, layout)
            found = found_table(session.connection, "bank", layout.name)
            assert found is not None
            assert differences(layout.table, found) == [], path
            checked += 1
    session.close()
    record_property("files checked", f"schemas of others: {checked}")
    assert checked > 50


def create(session: DatabaseSession, layout: TableLayout) -> None:
    session.connection.exec_driver_sql(f"DROP TABLE IF EXISTS {quoted(layout.name)}")
    session.connection.exec_driver_sql(create_table_sql(layout.table), execution_options=_RAW)


def shown(column: ColumnShape, value: Any) -> Any:
    return json.dumps(json.loads(value), sort_keys=True) if column.of.nested and value is not None else value


def float_as(column: ColumnShape, value: Any) -> Any:
    if column.of.avro_type == "boolean" and value is not None:
        return int(value)
    return value + 0.0 if isinstance(value, float) else value
