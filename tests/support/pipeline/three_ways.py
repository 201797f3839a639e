"""Three writers of the same messages on a real server: by LOAD DATA, by INSERT of columns, by INSERT of single rows."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from sqlalchemy.dialects.mysql import FLOAT
from sqlalchemy.engine import make_url

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.offsets import OFFSETS
from avro_schemas.tables.rules import TableRules
from infra.tables.ddl import create_table_sql
from rtpipe.mysql.quoting import quoted
from tests.support.fakes.writer_rig import Patience
from tests.support.pipeline.raw_clients import connect
from tests.support.samples.specs import default_spec
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.offset_ledger import OffsetLedger
from workers.commit.partition_owner import PartitionOwner
from workers.commit.table_writer import TableWriter
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionKey
from workers.contract.schema_answers import KeySchema, SchemaLayout
from workers.rows import row_encoder

WAYS = ("load", "columns", "rows")
METADATA = ("_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_schema_id", "_kafka_key", "_kafka_headers")
RULES = TableRules(metadata=METADATA, flatten=1)


@dataclass
class Versions:
    """The schemas of a topic by their ids; the table is that of the first, which has all columns."""

    schemas: Mapping[int, Any]
    table: str

    def rows(self, schema_id: int, *, again: bool = False, also: tuple[int, ...] = ()) -> SchemaLayout:
        assert again in {True, False}, also
        schema = self.schemas[schema_id]
        return SchemaLayout(schema_id, schema, table_layout(schema, table=self.table, rules=RULES).rows())

    def newest(self, *, again: bool = False) -> SchemaLayout:
        return self.rows(1, again=again)

    def key(self, schema_id: int) -> KeySchema:
        raise AssertionError(schema_id)


class Way:
    """A writer with a partition, a table and offsets of its own."""

    def __init__(self, name: str, database_url: str, schemas: Mapping[int, Any]) -> None:
        self.name = name
        table = f"t_{name}"
        spec = default_spec(
            PartitionKey(f"both_{name}", 0),
            table=table,
            rules=RULES,
            group=uuid.uuid4().hex,
            database_url=database_url,
            load_data=name == "load",
            dead_letters_per_minute=0,
        )
        self.group = spec.group
        self._connection = LedgerConnection(spec)
        owner = PartitionOwner(spec.key, OffsetLedger(spec, connection=self._connection), Patience())
        owner.claim()
        self._writer = TableWriter(spec, owner, self._connection, BatchEncoder(spec, Versions(schemas, table)))

    def write(self, batch: Batch) -> None:
        """Commit the batch."""
        hidden = mock.patch.object(row_encoder, "column_encoder", return_value=None)
        with hidden if self.name == "rows" else contextlib.nullcontext():
            for _ in self._writer.write(batch):
                pass

    def close(self) -> None:
        self._connection.close()


class ThreeWays:
    """A database of its own, in which each schema is written in all ways."""

    def __init__(self, admin_url: str) -> None:
        self._name = f"three_{uuid.uuid4().hex[:12]}"
        self._admin = connect(admin_url, None)
        self._cursor = self._admin.cursor()
        self._run(f"CREATE DATABASE {self._name} CHARACTER SET utf8mb4")
        self._run(f"USE {self._name}")
        for table in (OFFSETS, DEAD_LETTERS):
            self._run(create_table_sql(table))
        self._url = make_url(admin_url).set(database=self._name).render_as_string(hide_password=False)

    def _run(self, sql: str) -> Sequence[tuple[Any, ...]]:
        self._cursor.execute(sql)
        return list(self._cursor.fetchall())

    def stored(self, schemas: Mapping[int, Any], batches: Sequence[Batch]) -> Iterator[tuple[str, Any, Any]]:
        """Writes the batches in each way; what is in the table then, byte for byte, and the dead letters."""
        for name in WAYS:
            layout = table_layout(schemas[1], table=f"t_{name}", rules=RULES)
            self._run(f"DROP TABLE IF EXISTS {layout.name}")
            self._run(create_table_sql(layout.table))
            way = Way(name, self._url, schemas)
            for batch in batches:
                way.write(batch)
            way.close()
            columns = ", ".join(map(_exact, layout.table.columns))
            rows = self._run(f"SELECT {columns} FROM {layout.name} ORDER BY _kafka_offset")
            letters = (
                f"SELECT `offset`, error_name, error_text FROM {DEAD_LETTERS.name} WHERE consumer_group = '{way.group}'"
            )
            yield name, rows, self._run(f"{letters} ORDER BY `offset`")

    def close(self) -> None:
        self._run(f"DROP DATABASE {self._name}")
        self._admin.close()


def _exact(column: Any) -> str:
    """All bytes of a value. A FLOAT shows six digits, unless it is a DOUBLE."""
    shown = f"{quoted(column.name)} * 1e0" if isinstance(column.type, FLOAT) else quoted(column.name)
    return f"HEX(CAST({shown} AS BINARY))"
