"""Container files that others wrote, produced to Kafka and supervised: each row is in its table or a dead letter."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from avro_schemas.tables.differences import differences
from avro_schemas.tables.layout import TableLayout, table_layout
from infra.tables.ddl import create_table_sql
from infra.tables.table_look import found_table
from rtpipe.errors import SchemaError
from rtpipe.mysql.quoting import quoted
from tests.support.pipeline.foreign_topics import check_rows, fill
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.supervision import supervised
from tests.support.samples.avro import foreign_avro
from workers.database.session import DatabaseSession, open_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
            path, container = found[topic]
            check_rows(pipeline, layout, container, refused={"E_VALUE"} if path.name == "single_nan.avro" else ())
        verified = pipeline.run("verify", "--topics", ",".join(filled), "--values", within=240)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        record_property("files checked", f"container files of others: {len(filled)}")
        assert len(filled) > 40


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
