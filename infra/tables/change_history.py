"""What was altered in one table, by whose schema and how it ended: the rows of `rtpipe_table_changes`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from avro_schemas.tables.own_tables.table_changes import CHANGES, INTERRUPTED, MAX_OUTCOME
from infra.tables.database import action_for, error_number, run
from infra.tables.ddl import create_table_sql
from rtpipe.mysql.error_numbers import NO_TABLE, Action
from rtpipe.mysql.quoting import quoted


@dataclass(frozen=True, slots=True)
class Cause:
    """Whose schema asks for a change; no id: one that is not registered."""

    topic: str
    schema_id: int | None


class ChangeHistory:
    """The entries of one table. Every method raises DBAPIError as the server refuses it."""

    def __init__(self, connection: Connection, database: str, table: str) -> None:
        self._connection = connection
        self._database = database
        self._table = table
        self.name = quoted(database, CHANGES.name)  #: of the history, quoted

    def has_open(self) -> bool:
        """Whether a session began an alteration and did not say how it ended. False for a history that is not there, or
        that the account may not read.
        """
        sql = f"SELECT COUNT(*) FROM {self.name} WHERE table_name = %s AND finished_at IS NULL"
        try:
            return bool(self._connection.exec_driver_sql(sql, (self._table,)).scalar())
        except DBAPIError as error:
            if not _is_out_of_reach(error):
                raise
            return False

    def close_open_if_allowed(self) -> None:
        """As `close_open`; an account that may only read leaves them open, since nothing is altered."""
        try:
            self.close_open()
        except DBAPIError as error:
            if not _is_out_of_reach(error):
                raise

    def close_open(self) -> None:
        """Close entries that were left open; only for one who is alone with the table."""
        sql = f"UPDATE {self.name} SET outcome = %s, finished_at = UTC_TIMESTAMP(6)"
        self._write(f"{sql} WHERE table_name = %s AND finished_at IS NULL", INTERRUPTED, self._table)

    def begin(self, sql: str, cause: Cause) -> int:
        """The number of a new entry, after closing those of sessions that were cut off."""
        self.close_open()
        columns = "(table_name, topic, schema_id, statement, began_at)"
        insert = f"INSERT INTO {self.name} {columns} VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(6))"
        return self._write(insert, self._table, cause.topic, cause.schema_id, sql)

    def finish(self, number: int, outcome: str) -> None:
        """How the alteration of this entry ended."""
        sql = f"UPDATE {self.name} SET outcome = %s, finished_at = UTC_TIMESTAMP(6) WHERE id = %s"
        self._write(sql, outcome[:MAX_OUTCOME], number)

    def _write(self, sql: str, *values: object) -> int:
        """Run it, making the history first if it is not there; the number of the row that it inserted."""
        try:
            return int(self._connection.exec_driver_sql(sql, values).lastrowid)
        except DBAPIError as error:
            if error_number(error) != NO_TABLE:
                raise
        run(self._connection, create_table_sql(CHANGES, self._database))
        return int(self._connection.exec_driver_sql(sql, values).lastrowid)


def _is_out_of_reach(error: DBAPIError) -> bool:
    """There is no history, or the account has no right to do this with it."""
    return error_number(error) == NO_TABLE or action_for(error) is Action.DENIED
