"""The SQL that makes a table, and how the table that is there differs from the one that should be."""

from __future__ import annotations

import re

from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeEngine

from avro_schemas.column_types import KEY_COLLATION
from avro_schemas.found_table import FoundColumn, FoundTable
from avro_schemas.mysql_types import type_words

#: Renders the same text for MySQL and MariaDB; "named" keeps a `%` in a comment single.
_DIALECT = mysql.dialect(paramstyle="named")

_COLUMNS = """
    SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_DEFAULT, EXTRA,
    COLUMN_COMMENT, VERSION() FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION
"""
#: MariaDB's JSON is a LONGTEXT with a check, by which it is told from the LONGTEXT of a person.
_JSON_CHECKS = """
    SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = %s AND TABLE_NAME = %s AND CHECK_CLAUSE LIKE 'json\\_valid(%%'
"""
_TABLE = """
    SELECT TABLE_TYPE, ENGINE, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
"""
_KEY = """
    SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND CONSTRAINT_NAME = 'PRIMARY' ORDER BY ORDINAL_POSITION
"""
#: MariaDB takes KEY_COLLATION too, but for a collation that pads.
_MARIADB_KEY_COLLATION = "utf8mb4_nopad_bin"
_KEY_DEMANDS = (
    "SHOW VARIABLES WHERE Variable_name IN ('sql_require_primary_key', 'innodb_force_primary_key') AND Value = 'ON'"
)
#: MariaDB shows a display width for every integer, MySQL for TINYINT(1) alone.
_WIDTH = re.compile(r"\b(?!tinyint\(1\))((?:tiny|small|medium|big)?int)\(\d+\)")


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


def type_sql(column_type: TypeEngine[object]) -> str:
    """A type as DDL names it, with its character set."""
    return str(column_type.compile(dialect=_DIALECT))


def found_columns(connection: Connection, database: str, table: str) -> dict[str, FoundColumn]:
    """The columns of a table or view in their order; empty if it does not exist or may not be seen."""
    rows = list(connection.exec_driver_sql(_COLUMNS, (database, table)))
    is_mariadb = bool(rows) and "mariadb" in str(rows[0][-1]).lower()
    is_json = set[str]()
    if is_mariadb and any(row[1] == "longtext" for row in rows):
        clauses = connection.exec_driver_sql(_JSON_CHECKS, (database, table)).scalars()
        is_json = {str(clause)[len("json_valid(`") : -2].replace("``", "`") for clause in clauses}
    columns = {}
    for name, kind, null, charset, collation, default, extra, comment, _ in rows:
        words = "json" if name in is_json and kind == "longtext" else _WIDTH.sub(r"\1", kind)
        more = str(extra).lower()
        written = _default(default, more, is_mariadb=is_mariadb)
        columns[name] = FoundColumn(words, null == "YES", charset, collation, written, more, comment)
    return columns


def _default(default: str | None, extra: str, *, is_mariadb: bool) -> str | None:
    """MariaDB tells it as SQL, MySQL as text or, where `extra` says so, as an expression."""
    if default is None or (is_mariadb and default == "NULL"):
        return None
    if is_mariadb:
        return default
    if "default_generated" in extra:
        return default if default.upper().startswith("CURRENT_TIMESTAMP") else f"({default})"
    return literal(default)


def found_table(connection: Connection, database: str, table: str) -> FoundTable | None:
    """The table as it is; None if there is no base table of this name that the account may see."""
    kind = connection.exec_driver_sql(_TABLE, (database, table)).first()
    if kind is None or kind[0] != "BASE TABLE":
        return None
    key = tuple(row[0] for row in connection.exec_driver_sql(_KEY, (database, table)))
    return FoundTable(found_columns(connection, database, table), key, int(kind[2]))


def demands_primary_key(connection: Connection) -> bool:
    """Whether the server refuses a table without one: a setting of many managed MySQLs, and of MariaDB."""
    return connection.exec_driver_sql(_KEY_DEMANDS).first() is not None


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


def _column_differences(column: Column[object], found: FoundColumn | None) -> list[str]:
    name, wanted = quoted(column.name), type_words(column.type)
    if found is None:
        return [f"column {name} {wanted} is missing"]
    lines = []
    if found.type != wanted and (found.type, wanted) != ("longtext", "json"):  # whose check not everybody may see
        lines.append(f"column {name} is {found.type} instead of {wanted}")
    if found.nullable is not column.nullable:
        lines.append(f"column {name} is {'NULL' if found.nullable else 'NOT NULL'}, the schema says otherwise")
    ascii_is_enough = getattr(column.type, "charset", None) == "ascii"
    if found.charset not in {None, "utf8mb4"} and not ascii_is_enough:
        lines.append(f"column {name} has the character set {found.charset} instead of utf8mb4")
    return lines
