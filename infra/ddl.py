"""The SQL that makes a table, and how the table that is there differs from the one that should be."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateColumn

from avro_schemas.column_types import KEY_COLLATION

#: Renders the same text for MySQL and MariaDB; "named" keeps a `%` in a comment single.
_DIALECT = mysql.dialect(paramstyle="named")

_COLUMNS = """
    SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION
"""
_TABLE = "SELECT TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
_KEY = """
    SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND CONSTRAINT_NAME = 'PRIMARY' ORDER BY ORDINAL_POSITION
"""
#: MariaDB takes KEY_COLLATION too, but for a collation that pads.
_MARIADB_KEY_COLLATION = "utf8mb4_nopad_bin"
#: MariaDB shows a display width for every integer, MySQL for TINYINT(1) alone.
_WIDTH = re.compile(r"\b(?!tinyint\(1\))((?:tiny|small|medium|big)?int)\(\d+\)")


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column as the server describes it, its type in the form that both servers share."""

    type: str
    nullable: bool
    charset: str | None


def quoted(*names: str) -> str:
    """`database`.`table`, with backticks doubled."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def literal(text: str) -> str:
    """A string literal for SQL under our session's sql_mode."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def create_table_sql(table: Table, database: str = "", *, mariadb: bool = False) -> str:
    """The CREATE TABLE statement; it does nothing where the table exists. "": no database named.

    Both servers take the same text but for the collation of text in a key, for which each has a word of its own.
    """
    lines = [column_sql(column, mariadb=mariadb) for column in table.columns]
    if table.primary_key.columns:
        lines.append(f"PRIMARY KEY ({', '.join(quoted(column.name) for column in table.primary_key.columns)})")
    options = table.kwargs
    end = (
        f"ENGINE={options['mysql_engine']} CHARACTER SET {options['mysql_charset']} COLLATE {options['mysql_collate']}"
    )
    if table.comment:
        end += f" COMMENT={literal(table.comment)}"
    name = quoted(database, table.name) if database else quoted(table.name)
    return f"CREATE TABLE IF NOT EXISTS {name} (\n  " + ",\n  ".join(lines) + f"\n) {end}"


def column_sql(column: Column[object], *, mariadb: bool = False) -> str:
    """Name, type, NULL, default and comment of a column, as CREATE TABLE and ADD COLUMN take them."""
    text = str(CreateColumn(column).compile(dialect=_DIALECT))
    collated = getattr(column.type, "collation", None) == KEY_COLLATION
    return text.replace(KEY_COLLATION, _MARIADB_KEY_COLLATION, 1) if mariadb and collated else text


def found_columns(connection: Connection, database: str, table: str) -> dict[str, FoundColumn]:
    """The columns of a table or view in their order; empty if it does not exist or may not be seen."""
    rows = connection.exec_driver_sql(_COLUMNS, (database, table))
    return {
        name: FoundColumn(_WIDTH.sub(r"\1", kind.lower()), null == "YES", charset) for name, kind, null, charset in rows
    }


def differences(connection: Connection, database: str, table: Table) -> list[str] | None:
    """How the table of this name differs from `table`, one line each; empty if it does not, None if it is not there.

    Order, defaults, comments, collations and secondary indexes are not compared: rows are written by column name.
    """
    place = (database, table.name)
    kind = connection.exec_driver_sql(_TABLE, place).first()
    if kind is None:
        return None
    if kind[0] != "BASE TABLE":
        return [f"it is a {kind[0]}"]
    found = found_columns(connection, *place)
    lines = [] if str(kind[1]).lower() == "innodb" else [f"engine {kind[1]} has no transactions, InnoDB is needed"]
    for column in table.columns:
        lines += _column_differences(column, found.get(column.name))
    wanted = {column.name for column in table.columns}
    lines += [f"column {quoted(name)} {found[name].type} is not in the schema" for name in found if name not in wanted]
    key = [row[0] for row in connection.exec_driver_sql(_KEY, place)]
    planned = [column.name for column in table.primary_key.columns]
    if key != planned:
        lines.append(f"primary key ({', '.join(key)}) instead of ({', '.join(planned)})")
    return lines


def column_type_sql(column: Column[object]) -> str:
    """The column's type as information_schema writes it, without character set."""
    text = str(column.type.compile(dialect=_DIALECT)).lower()
    return text.partition(" character set ")[0].replace("integer", "int").replace(", ", ",")


def _column_differences(column: Column[object], found: FoundColumn | None) -> list[str]:
    name, wanted = quoted(column.name), column_type_sql(column)
    if found is None:
        return [f"column {name} {wanted} is missing"]
    lines = []
    if found.type != wanted and (found.type, wanted) != ("longtext", "json"):  # MariaDB's JSON is a checked LONGTEXT
        lines.append(f"column {name} is {found.type} instead of {wanted}")
    if found.nullable is not column.nullable:
        lines.append(f"column {name} is {'NULL' if found.nullable else 'NOT NULL'}, the schema says otherwise")
    ascii_is_enough = getattr(column.type, "charset", None) == "ascii"
    if found.charset not in {None, "utf8mb4"} and not ascii_is_enough:
        lines.append(f"column {name} has the character set {found.charset} instead of utf8mb4")
    return lines
