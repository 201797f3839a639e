"""The SQL that makes a table."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeEngine

from avro_schemas.columns.column_types import KEY_COLLATION
from avro_schemas.columns.key_columns import MARIADB_KEY_COLLATION
from rtpipe.mysql.quoting import quoted, quoted_list, quoted_text

#: Renders the same text for MySQL and MariaDB; "named" keeps a `%` in a comment single.
_DIALECT = mysql.dialect(paramstyle="named")

_KEY_DEMANDS = (
    "SHOW VARIABLES WHERE Variable_name IN ('sql_require_primary_key', 'innodb_force_primary_key') AND Value = 'ON'"
)


def create_table_sql(table: Table, database: str = "", *, mariadb: bool = False) -> str:
    """The CREATE TABLE statement; it does nothing where the table exists. "": no database named.

    Both servers take the same text but for the collation of text in a key, for which each has a word of its own.
    """
    lines = [column_sql(column, mariadb=mariadb) for column in table.columns]
    if table.primary_key.columns:
        lines.append(f"PRIMARY KEY ({quoted_list([column.name for column in table.primary_key.columns])})")
    lines += [f"KEY {quoted(str(index.name))} ({quoted_list(index.columns.keys())})" for index in table.indexes]
    options = table.kwargs
    end = (
        f"ENGINE={options['mysql_engine']} CHARACTER SET {options['mysql_charset']} COLLATE {options['mysql_collate']}"
    )
    if table.comment:
        end += f" COMMENT={quoted_text(table.comment)}"
    name = quoted(database, table.name) if database else quoted(table.name)
    return f"CREATE TABLE IF NOT EXISTS {name} (\n  " + ",\n  ".join(lines) + f"\n) {end}"


def column_sql(column: Column[object], *, mariadb: bool = False) -> str:
    """Name, type, NULL, default and comment of a column, as CREATE TABLE and ADD COLUMN take them."""
    text = str(CreateColumn(column).compile(dialect=_DIALECT))
    collated = getattr(column.type, "collation", None) == KEY_COLLATION
    return text.replace(KEY_COLLATION, MARIADB_KEY_COLLATION, 1) if mariadb and collated else text


def type_sql(column_type: TypeEngine[object]) -> str:
    """A type as DDL names it, with its character set."""
    return str(column_type.compile(dialect=_DIALECT))


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the table that a server is to make depends on."""

    database: str  #: in which the table is to be
    is_mariadb: bool
    json_depth: int  #: most arrays and objects inside one another that its JSON takes
    demands_primary_key: bool  #: it refuses a table without one


def demands_primary_key(connection: Connection) -> bool:
    """Whether the server refuses a table without one: a setting of many managed MySQLs, and of MariaDB."""
    return connection.exec_driver_sql(_KEY_DEMANDS).first() is not None
