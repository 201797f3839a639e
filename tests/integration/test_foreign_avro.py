"""Container files that others wrote: planned, written and read back on both servers; and every schema's table made."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from avro_schemas.errors import SchemaError
from avro_schemas.table_layout import TableLayout, table_layout
from infra.ddl import create_table_sql, differences, quoted
from supervisor.verify_values import select_list
from tests import foreign_avro
from tests.batches import batch_of
from tests.foreign_avro import Expected
from tests.pipeline import connect
from workers.database_session import DatabaseSession, open_session
from workers.row_encoder import RowEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from avro_schemas.column_types import ColumnShape
    from infra.stack_state import Addresses

_RAW: dict[str, Any] = {"no_parameters": True}


def test_every_container_file(database: Addresses, record_property: Callable[[str, object], None]) -> None:
    foreign_avro.require()
    url = make_url(database.admin_database_url).set(database="bank").render_as_string(hide_password=False)
    session = open_session(url)
    checked = 0
    with contextlib.closing(connect(url)) as reader:
        for number, path in enumerate(foreign_avro.files(".avro")):
            found = foreign_avro.container(path)
            if found is None:
                assert "corrupt" in path.parent.name or path.parent.name == "datagen", path  # those are schemas
                continue
            layout = table_layout(found.schema, table=f"foreign_{number}")
            create(session, layout)
            insert(session, layout, found)
            cursor = reader.cursor()
            cursor.execute(f"SELECT {select_list(layout.columns)} FROM {quoted(layout.name)}")
            stored = Counter(repr(tuple(map(shown, layout.columns, row))) for row in cursor.fetchall())
            expected = Expected(found.schema)
            rows = [expected.row(body) for body in found.rows]
            wanted = Counter(repr(tuple(float_as(shape, row[shape.field]) for shape in layout.columns)) for row in rows)
            assert stored == wanted, path
            checked += 1
    session.close()
    record_property("files checked", f"container files of others: {checked}")
    assert checked > 40


def test_the_table_of_every_schema(database: Addresses, record_property: Callable[[str, object], None]) -> None:
    """The SQL runs at the first try, and the table is then what it was planned to be."""
    foreign_avro.require()
    url = make_url(database.admin_database_url).set(database="bank").render_as_string(hide_password=False)
    session = open_session(url)
    checked = 0
    for number, path in enumerate(foreign_avro.files(".avsc", ".avro")):
        with contextlib.suppress(ValueError, SchemaError):
            layout = table_layout(json.loads(path.read_text()), table=f"schema_{number}")
            create(session, layout)
            assert differences(session.connection, "bank", layout.table) == [], path
            checked += 1
    session.close()
    record_property("files checked", f"schemas of others: {checked}")
    assert checked > 50


def create(session: DatabaseSession, layout: TableLayout) -> None:
    session.connection.exec_driver_sql(f"DROP TABLE IF EXISTS {quoted(layout.name)}")
    session.connection.exec_driver_sql(create_table_sql(layout.table), execution_options=_RAW)


def insert(session: DatabaseSession, layout: TableLayout, found: foreign_avro.Container) -> None:
    encoder = RowEncoder(layout, found.schema, partition=0, schema_id=1)
    encoded = encoder.encode(batch_of([b"\0\0\0\0\1" + body for body in found.rows]), range(len(found.rows)))
    assert not encoded.refused
    if encoded.literals:
        session.connection.exec_driver_sql(encoder.prefix + ",".join(encoded.literals), execution_options=_RAW)
    session.connection.commit()


def shown(column: ColumnShape, value: Any) -> Any:
    return json.dumps(json.loads(value), sort_keys=True) if column.of.nested and value is not None else value


def float_as(column: ColumnShape, value: Any) -> Any:
    if column.of.avro_type == "boolean" and value is not None:
        return int(value)
    return value + 0.0 if isinstance(value, float) else value
