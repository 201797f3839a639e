"""What the database has of messages: their rows, by position or by key, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from avro_schemas.columns.found_table import FoundTable, UnusableTableError
from avro_schemas.tables.metadata_columns import OFFSET_COLUMN, PARTITION_COLUMN, POSITION
from infra.tables.table_look import found_table
from rtpipe.mysql.quoting import quoted, quoted_list
from supervisor.admin.connection import admin_connection
from supervisor.peek.known_partition import KnownPartition, database_of
from supervisor.peek.message_keys import MessageKeys
from supervisor.peek.peeked import Beside, Peeked
from workers.contract.partition_spec import PartitionSpec

#: An index that leads to a row by its position: without one, every message would cost a look at all rows.
_INDEXED = (
    "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"
    " AND COLUMN_NAME = %s AND SEQ_IN_INDEX <= 2"
)


class RowFinder:
    """Of one topic; reads alone. `beside` raises UnreachableError, AccessDeniedError, SetupError."""

    def __init__(self, silence: int, keys: MessageKeys) -> None:
        """`silence`: seconds until a silent database counts as gone."""
        self._silence = silence
        self._keys = keys

    def beside(self, spec: PartitionSpec, messages: Sequence[Peeked]) -> list[Beside]:
        """What is beside each of these messages of one partition, which are in the order of their offsets."""
        url, doing = spec.current_database_url(), f"looking for rows of {spec.key}"
        with admin_connection(url, self._silence, spec.table, doing) as connection:
            try:
                table = found_table(connection, database_of(connection), spec.table)
                rows, why = self._rows(spec, connection, table, messages)
                why = why or (f"there is no table {spec.table}" if table is None else "")
            except UnusableTableError as error:
                rows, why = {}, error.message
            known = KnownPartition(spec, connection, [message.offset for message in messages])
            return [known.judged(message, rows.get(message.offset), why) for message in messages]

    def _rows(
        self, spec: PartitionSpec, connection: Connection, table: FoundTable | None, messages: Sequence[Peeked]
    ) -> tuple[dict[int, Mapping[str, Any]], str]:
        """The rows by the offsets of their messages; and why others cannot be found, "" if there is no such reason."""
        if table is None:
            return {}, ""
        if spec.rules.mode == "upsert":
            keys, why = self._keys.literals(spec, messages)
            return _by_key(spec, connection, keys), why
        if missing := [name for name in POSITION if name not in table.columns]:
            return {}, f"the table has no {' and no '.join(missing)}"
        if not connection.exec_driver_sql(_INDEXED, (spec.table, OFFSET_COLUMN)).scalar_one():
            return {}, f"no index of the table begins with {PARTITION_COLUMN}, {OFFSET_COLUMN}"
        offsets = ", ".join(str(message.offset) for message in messages)
        where = f"{PARTITION_COLUMN} = {spec.key.partition} AND {OFFSET_COLUMN} IN ({offsets})"
        found = connection.exec_driver_sql(f"SELECT * FROM {quoted(spec.table)} WHERE {where}").mappings()
        return {int(row[OFFSET_COLUMN]): dict(row) for row in found}, ""


def _by_key(spec: PartitionSpec, connection: Connection, keys: Mapping[int, str]) -> dict[int, Mapping[str, Any]]:
    rows: dict[int, Mapping[str, Any]] = {}
    select_all = f"SELECT * FROM {quoted(spec.table)} WHERE ({quoted_list(spec.rules.key)}) IN"
    for offset, key in keys.items():
        statement = f"{select_all} (({key}))"
        found = connection.exec_driver_sql(statement, execution_options={"no_parameters": True}).mappings().first()
        if found is not None:
            rows[offset] = dict(found)
    return rows
