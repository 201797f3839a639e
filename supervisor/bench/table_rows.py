"""The rows of a table as text for LOAD DATA or INSERT: what anybody would have to send to write them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymysql.converters import encoders
from sqlalchemy import URL

from rtpipe.mysql.engine import bare_connection
from rtpipe.mysql.local_load import FILE_NAME
from rtpipe.mysql.quoting import quoted, quoted_list, quoted_text

_BINARY = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_NUMBERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double"})
_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\0", b"\\0"))
_QUOTES = ((b"\\", b"\\\\"), (b"'", b"''"), (b"\0", b"\\0"))
#: Rows by which the size of a row is estimated.
_FIRST = 100
Value = bytes | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column that rows are written to."""

    name: str
    kind: str  #: its type without length, as information_schema has it


@dataclass(frozen=True, slots=True)
class TableRows:
    """Some rows of a table; binary values are in hexadecimal digits."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    def lines(self) -> list[bytes]:
        """A line of a file for LOAD DATA for each row."""
        return [b"\t".join([_field(value) for value in row]) + b"\n" for row in self.rows]

    def load(self, *table: str) -> bytes:
        """The LOAD DATA that takes the lines."""
        names = ", ".join(f"@b{n}" if one.kind in _BINARY else quoted(one.name) for n, one in enumerate(self.columns))
        sets = [f"{quoted(one.name)} = UNHEX(@b{n})" for n, one in enumerate(self.columns) if one.kind in _BINARY]
        statement = f"LOAD DATA LOCAL INFILE '{FILE_NAME}' INTO TABLE {quoted(*table)} CHARACTER SET utf8mb4 ({names})"
        return f"{statement}{' SET ' if sets else ''}{', '.join(sets)}".encode()

    def literals(self) -> list[bytes]:
        """What stands in a row's brackets in an INSERT, for each row."""
        kinds = [one.kind for one in self.columns]
        return [b",".join([_literal(value, kind) for value, kind in zip(row, kinds, strict=True)]) for row in self.rows]

    def insert(self, *table: str) -> bytes:
        """What comes before the literals."""
        return f"INSERT INTO {quoted(*table)} ({quoted_list([one.name for one in self.columns])}) VALUES ".encode()

    def update(self) -> bytes:
        """What follows them where a row of the same key takes the new values."""
        names = [quoted(one.name) for one in self.columns]
        return (" ON DUPLICATE KEY UPDATE " + ", ".join(f"{name} = VALUES({name})" for name in names)).encode()


def read_rows(url: URL, table: str, *, most_rows: int, most_bytes: int) -> TableRows:
    """Rows of a table in the URL's database, at most so many, and about so many bytes."""
    connection = bare_connection(url, use_unicode=False, conv=encoders, charset="utf8mb4")
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.columns WHERE TABLE_SCHEMA = DATABASE()"
            f" AND TABLE_NAME = {quoted_text(table)} AND EXTRA NOT LIKE '%GENERATED%' ORDER BY ORDINAL_POSITION"
        )
        columns = tuple(Column(name.decode(), kind.decode()) for name, kind in cursor.fetchall())
        wanted = ", ".join(_selected(column) for column in columns)
        cursor.execute(f"SELECT {wanted} FROM {quoted(table)} LIMIT {min(most_rows, _FIRST)}")
        first = cursor.fetchall()
        size = max(1, sum(len(value or b"") for row in first for value in row) // max(len(first), 1))
        cursor.execute(f"SELECT {wanted} FROM {quoted(table)} LIMIT {min(most_rows, max(1, most_bytes // size))}")
        return TableRows(columns, tuple(cursor.fetchall()))


def _selected(column: Column) -> str:
    return f"HEX({quoted(column.name)})" if column.kind in _BINARY else quoted(column.name)


def _field(value: Value) -> bytes:
    return b"\\N" if value is None else _escaped(value, _ESCAPES)


def _literal(value: Value, kind: str) -> bytes:
    if value is None:
        return b"NULL"
    if kind in _BINARY:
        return b"X'" + value + b"'"
    return value if kind in _NUMBERS else b"'" + _escaped(value, _QUOTES) + b"'"


def _escaped(value: bytes, escapes: Sequence[tuple[bytes, bytes]]) -> bytes:
    for mark, escape in escapes:
        if mark in value:
            value = value.replace(mark, escape)
    return value
