"""A table as the server describes it."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection

from avro_schemas.columns.found_table import LEAST, MOST, TAKES_MOST, VERSIONED, FoundColumn, FoundTable, require_usable
from infra.tables.column_definitions import checks_json, column_definitions
from infra.tables.database import run
from rtpipe.mysql.engine import is_mariadb
from rtpipe.mysql.quoting import quoted, quoted_text

_COLUMNS = """
    SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_DEFAULT, EXTRA,
    COLUMN_COMMENT FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION
"""
_TABLE = f"""
    SELECT TABLE_TYPE, ENGINE, COALESCE(TABLE_ROWS, 0), TABLE_COLLATION, {TAKES_MOST} FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
"""
#: With SYSTEM VERSIONING the key has an end of the version, too, which is none of the columns.
_UNIQUE = """
    SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX
"""
#: MariaDB shows a display width for every integer, MySQL for TINYINT(1) alone.
_WIDTH = re.compile(r"\b(?!tinyint\(1\))((?:tiny|small|medium|big)?int)\(\d+\)")
#: How MariaDB writes that a column is compressed.
_COMMENT = re.compile(r"\s*/\*.*?\*/")


def found_table(connection: Connection, database: str, table: str) -> FoundTable | None:
    """The table as it is; None if there is none of this name that the account may see.

    UnusableTableError for what has the name and can take no rows: a view, a sequence, an engine without transactions.
    """
    facts = connection.exec_driver_sql(_TABLE, (database, table)).first()
    if facts is None:
        return None
    kind, engine, rows, collation, takes_most = facts
    require_usable(table, kind, engine)
    mariadb = is_mariadb(connection)
    shown = run(connection, f"SHOW CREATE TABLE {quoted(database, table)}").scalars(1).one()
    definitions = column_definitions(shown)
    columns = {
        name: _column(row, definitions.get(name, ""), mariadb=mariadb, is_json=checks_json(shown, name))
        for name, *row in connection.exec_driver_sql(_COLUMNS, (database, table))
    }
    unique = connection.exec_driver_sql(_UNIQUE, (database, table)).all()
    parts = {str(name): part for index, name, part in unique if index == "PRIMARY"}
    key = {name: part for name, part in parts.items() if name in columns}
    return FoundTable(
        columns,
        tuple(key),
        int(rows),
        str(collation),
        MOST if takes_most else LEAST,
        versioned=kind == VERSIONED,
        mariadb=mariadb,
        prefixes={name: int(part) for name, part in key.items() if part is not None},
        unique=tuple(dict.fromkeys(str(index) for index, *_ in unique if index != "PRIMARY")),
    )


def json_depth(connection: Connection) -> int:
    """How many arrays and objects inside one another JSON of this server may have."""
    return MOST if connection.exec_driver_sql(f"SELECT {TAKES_MOST}").scalar() else LEAST


def _column(facts: list[Any], definition: str, *, mariadb: bool, is_json: bool) -> FoundColumn:
    words, null, charset, collation, default, extra, comment = facts
    more = str(extra).lower()
    kind = _WIDTH.sub(r"\1", _COMMENT.sub("", words))
    if mariadb and is_json and kind == "longtext":
        kind = "json"  # told from the LONGTEXT of a person by its check
    written = _default(default, more, mariadb=mariadb)
    return FoundColumn(kind, null == "YES", charset, collation, written, more, comment, definition)


def _default(default: str | None, extra: str, *, mariadb: bool) -> str | None:
    """MariaDB tells it as SQL, MySQL as text or, where `extra` says so, as an expression."""
    if default is None or (mariadb and default == "NULL"):
        return None
    if mariadb:
        return default
    if "default_generated" in extra:
        return default if default.upper().startswith("CURRENT_TIMESTAMP") else f"({default})"
    return quoted_text(default)
