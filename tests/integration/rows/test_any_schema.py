"""Any schema, any value: through the writer's own encoder into a real table, read back, equal."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from sqlalchemy.engine import make_url

from avro_schemas.tables.layout import table_layout
from infra.tables.ddl import create_table_sql
from rtpipe.mysql.quoting import quoted
from supervisor.verify.forms.table_values import select_list
from supervisor.verify.forms.values import from_message
from supervisor.verify.table.row_reader import RowReader
from supervisor.verify.table.table_snapshot import TableReader
from tests.support.pipeline.raw_clients import connect
from tests.support.samples.avro.avro_kinds import tables
from tests.support.samples.avro_values import Value
from tests.support.samples.batches import batch_of
from workers.database.session import open_session
from workers.rows.decoding.message_decoder import MessageDecoder
from workers.rows.row_encoder import RowEncoder

if TYPE_CHECKING:
    from avro_schemas.columns.column_types import ColumnShape
    from infra.stack.state import Addresses

_numbers = itertools.count()
_RAW: dict[str, Any] = {"no_parameters": True}


def test_generated_schemas_and_values(database: Addresses) -> None:
    """Also as `rtpipe verify --values` sees them: the row of each message equals the row of the table."""
    url = make_url(database.admin_database_url).set(database="bank").render_as_string(hide_password=False)
    writer = open_session(url, 20)
    with contextlib.closing(connect(url)) as connection, TableReader(url, timeout=10) as verifier:

        @settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
        @given(tables())
        def check(table: tuple[dict[str, Any], list[list[Value]]]) -> None:
            schema, rows = table
            layout = table_layout(schema, table=f"any_{next(_numbers)}")
            cursor = connection.cursor()
            cursor.execute(create_table_sql(layout.table))
            messages = [b"\0\0\0\0\1" + b"".join(value.raw for value in row) for row in rows]
            encoder = RowEncoder(layout, schema, partition=0, schema_id=1)
            encoded = encoder.encode(batch_of(messages), range(len(messages)))
            assert not encoded.refused
            statement = encoder.prefix + ",".join(f"({literal})" for literal in encoded.literals)
            writer.connection.exec_driver_sql(statement, execution_options=_RAW)
            writer.connection.commit()

            cursor.execute(f"SELECT {select_list(layout.columns)} FROM {quoted(layout.name)}")
            found = [tuple(map(shown, layout.columns, row)) for row in cursor.fetchall()]
            assert Counter(map(repr, found)) == Counter(repr(tuple(map(wanted, layout.columns, row))) for row in rows)

            verifier.refresh()
            decode, to_row = MessageDecoder(schema), from_message(layout.columns, layout.columns)
            stored = itertools.chain.from_iterable(verifier.rows(layout.name, RowReader(layout.columns)))
            assert Counter(stored) == Counter(to_row(decode(one)) for one in messages)
            verifier.refresh()
            cursor.execute(f"DROP TABLE {quoted(layout.name)}")

        check()
    writer.close()


def shown(column: ColumnShape, value: Any) -> Any:
    """What the column gave: JSON with its keys in order, for MySQL keeps its own."""
    return json.dumps(json.loads(value), sort_keys=True) if column.of.nested and value is not None else value


def wanted(column: ColumnShape, value: Value) -> Any:
    if value.column is None:
        return None
    if column.of.nested:
        return json.dumps(value.json, sort_keys=True)
    return value.column + 0.0 if isinstance(value.column, float) else value.column  # minus zero is zero in a column
