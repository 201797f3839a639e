"""What a writer demands of a table: transactions, and a key that tells rows apart; and a mark of its columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.engine import Connection

from avro_schemas.columns.found_table import UnusableTableError, require_usable
from avro_schemas.columns.key_columns import WHOLE_KEY, apart_sql, folding_problem
from avro_schemas.tables.unfit import TableUnfitError, require_upsert_key
from rtpipe.mysql.engine import is_mariadb
from rtpipe.mysql.quoting import quoted_list
from workers.contract.errors import SetupError
from workers.database.errors import login_of, translated


class TableChecks:
    """Asks information_schema over the connection of a session. All methods raise DatabaseTrouble."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def require_innodb(self, *tables: str, if_there: str = "") -> bool:
        """Refuse what is no table, or has no transactions: its rows would not roll back with the offset.

        Of `if_there`, only if the account sees such a table: returns whether it does.
        """
        found = self._kinds([*tables, if_there])
        for at, table in enumerate([*tables, if_there]):
            if at in found:
                self._require_usable(table, *found[at])
            elif at < len(tables):
                raise SetupError(
                    f"table {table} does not exist, or the account may not see it"
                    f" ({login_of(self._connection.engine.url)})",
                    hint="`rtpipe setup` makes and grants what is missing",
                )
        return len(tables) in found

    def _kinds(self, tables: Sequence[str]) -> dict[int, tuple[str, str | None]]:
        """Type and engine of those that are there, by their places; one question, since it is asked often."""
        one = (
            "SELECT {at}, table_type, engine FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name = :t{at}"
        )
        sql = " UNION ALL ".join(one.format(at=at) for at in range(len(tables)))
        with translated():
            rows = self._connection.execute(text(sql), {f"t{at}": table for at, table in enumerate(tables)}).all()
            self._connection.rollback()
        return {int(at): (kind, engine) for at, kind, engine in rows}

    @staticmethod
    def _require_usable(table: str, kind: str, engine: str | None) -> None:
        try:
            require_usable(table, kind, engine)
        except UnusableTableError as error:
            raise SetupError(error.message, hint=error.hint) from None

    def require_takes_rows(self, table: Table) -> None:
        """Refuse a table that lacks one of these columns, or into which the account may not write. Writes nothing."""
        columns = table.columns.keys()
        values = ", ".join(["NULL"] * len(columns))
        with translated(table.name):
            sql = f"INSERT INTO {table.name} ({quoted_list(columns)}) SELECT {values} FROM DUAL WHERE FALSE"
            self._connection.exec_driver_sql(sql)
            self._connection.rollback()

    def columns_mark(self, table: str) -> str:
        """A mark of the table's columns: another one after any change of names, types, character sets or NULL."""
        sql = (
            "SELECT column_name, column_type, collation_name, is_nullable FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = :t ORDER BY ordinal_position"
        )
        with translated():
            rows = self._connection.execute(text(sql), {"t": table}).all()
            self._connection.rollback()
        return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()

    def require_key(self, table: str, key: Sequence[str]) -> None:
        """Refuse a table whose rows cannot be updated by `key`: ON DUPLICATE KEY fires on every unique index, and two
        keys are one to a collation that folds. What else a key column must be, the topic's schema tells, later.
        """
        sql = (
            "SELECT index_name, column_name, sub_part, collation_name, column_type"
            " FROM information_schema.statistics JOIN information_schema.columns"
            " USING (table_schema, table_name, column_name) WHERE table_schema = DATABASE()"
            " AND table_name = :t AND non_unique = 0 ORDER BY index_name, seq_in_index"
        )
        with translated():
            rows = self._connection.execute(text(sql), {"t": table}).all()
            self._connection.rollback()
        indexes: dict[str, list[str]] = {}
        for index, column, *_ in rows:
            indexes.setdefault(str(index), []).append(str(column))
        primary = indexes.pop("PRIMARY", [])
        try:
            require_upsert_key(table, primary, list(indexes), key)
        except TableUnfitError as error:
            raise SetupError(error.message, hint=error.hint) from None
        for row in rows:
            _require_apart(table, row, mariadb=is_mariadb(self._connection))


def _require_apart(table: str, row: Sequence[Any], *, mariadb: bool) -> None:
    """Refuse a key column that makes one key of two."""
    _, column, part, collation, kind = row
    if problem := folding_problem(column, part, collation):
        whole = part is None
        hint = f"repair it by: {apart_sql(table, column, kind, mariadb=mariadb)}" if whole else WHOLE_KEY
        raise SetupError(f"table {table}: {problem}, so an upsert would hit the row of another key", hint=hint)
