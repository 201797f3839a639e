"""Whether a table's widest row fits, computed before any DDL by the stricter rule of MySQL and MariaDB.

Two limits: the server's 65,535 bytes for all columns but LOBs, and InnoDB's for what stays on the page, fewer than
8,126 (half of 16 KB). On the page MySQL counts 41 bytes of a long column; MariaDB counts one of up to 255 bytes whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.mysql import (
    BIGINT,
    BLOB,
    DATETIME,
    DOUBLE,
    ENUM,
    FLOAT,
    INTEGER,
    JSON,
    LONGBLOB,
    LONGTEXT,
    MEDIUMBLOB,
    MEDIUMINT,
    MEDIUMTEXT,
    SMALLINT,
    TEXT,
    TIME,
    TINYBLOB,
    TINYINT,
    TINYTEXT,
)
from sqlalchemy.types import BINARY, CHAR, DATE, DECIMAL, VARBINARY, VARCHAR, TypeEngine

from rtpipe.errors import SchemaError

MAX_ROW, MAX_PAGE, MAX_COLUMNS = 65_535, 8_125, 1_017
#: Record header, row id, transaction id and roll pointer of an InnoDB record.
_PAGE_OVERHEAD = 5 + 6 + 6 + 7
_ONE_LENGTH_BYTE = 255
_FIXED = {TINYINT: 1, SMALLINT: 2, MEDIUMINT: 3, INTEGER: 4, BIGINT: 8, FLOAT: 4, DOUBLE: 8, DATE: 3}
_LOBS = (JSON, TINYTEXT, TEXT, MEDIUMTEXT, LONGTEXT, TINYBLOB, BLOB, MEDIUMBLOB, LONGBLOB)
#: What becomes a LOB where a row is too wide.
_BOUNDED = (VARCHAR, VARBINARY, BINARY)
#: Bytes of the digits that are left when a DECIMAL's digits are packed by nine into four bytes.
_DECIMAL_REST = (0, 1, 1, 2, 2, 3, 3, 4, 4)


@dataclass(frozen=True, slots=True)
class RowBytes:
    """What a column takes of each limit, in bytes."""

    row: int
    page: int


#: An unbounded text, binary or JSON column: length and pointer in the row, beginning and pointer on the page.
_LOB = RowBytes(12, 41)


def row_bytes(column_type: TypeEngine[Any]) -> RowBytes:
    """What a column of this type costs at most; utf8mb4 unless the type names a charset, which is then ASCII."""
    if isinstance(column_type, ENUM):  # to SQLAlchemy a kind of string
        return RowBytes(2, 2)
    if isinstance(column_type, VARCHAR | VARBINARY):
        size = (column_type.length or 0) * _width(column_type)
        if size <= _ONE_LENGTH_BYTE:
            return RowBytes(size + 1, size + 1)
        return RowBytes(size + 2, _LOB.page)
    if isinstance(column_type, _LOBS):
        return _LOB
    size = _fixed_size(column_type)
    return RowBytes(size, size)


def _width(column_type: TypeEngine[Any]) -> int:
    """Bytes of a character, or of a byte."""
    return 4 if isinstance(column_type, VARCHAR | CHAR) and getattr(column_type, "charset", None) != "ascii" else 1


def _fixed_size(column_type: TypeEngine[Any]) -> int:
    if isinstance(column_type, CHAR | BINARY):
        return (column_type.length or 0) * _width(column_type)
    if isinstance(column_type, DATETIME):
        return 5 + ((column_type.fsp or 0) + 1) // 2
    if isinstance(column_type, TIME):
        return 3 + ((column_type.fsp or 0) + 1) // 2
    if isinstance(column_type, DECIMAL):
        scale = column_type.scale or 0
        return sum(
            digits // 9 * 4 + _DECIMAL_REST[digits % 9] for digits in ((column_type.precision or 0) - scale, scale)
        )
    return _FIXED[type(column_type)]


def fit(
    table: str, types: Sequence[TypeEngine[Any]], *, nullable: int, keep: AbstractSet[int] = frozenset()
) -> list[TypeEngine[Any]]:
    """`types`, with bounded texts and bytes made MEDIUMTEXT and MEDIUMBLOB until a row fits, the costliest first.

    `nullable` is how many of the columns may be NULL, `keep` the indexes of those that must stay as they are.
    SchemaError if the columns are too many in any form.
    """
    if len(types) > MAX_COLUMNS:
        raise SchemaError(
            f"table {table!r} would have {len(types)} columns, {MAX_COLUMNS} is the most",
            hint="`exclude` in rtpipe.toml leaves fields out; or split the record over several topics",
        )
    bitmap = (nullable + 7) // 8
    used = sum(row_bytes(one).row for one in types) + bitmap
    fitted = _shrunk(types, keep, lambda c: c.row - _LOB.row, MAX_ROW, used)
    used = sum(row_bytes(one).page for one in fitted) + bitmap + _PAGE_OVERHEAD
    fitted = _shrunk(fitted, keep, lambda c: c.page - _LOB.page, MAX_PAGE, used)
    row = sum(row_bytes(one).row for one in fitted) + bitmap
    page = sum(row_bytes(one).page for one in fitted) + bitmap + _PAGE_OVERHEAD
    if row > MAX_ROW or page > MAX_PAGE:
        raise _too_wide(table, len(types), row, page)
    return fitted


def _shrunk(
    types: Sequence[TypeEngine[Any]], keep: AbstractSet[int], saving: Callable[[RowBytes], int], limit: int, used: int
) -> list[TypeEngine[Any]]:
    """`types`, the bounded ones replaced, those with the greatest saving first, until `used` bytes are within `limit`.

    Of equal fixed bytes the last comes first: fields that a new version puts at the end leave those before them alone.
    """
    savings = {i: saving(row_bytes(one)) for i, one in enumerate(types) if isinstance(one, _BOUNDED) and i not in keep}
    shrunk = list(types)
    for i in sorted(savings, key=lambda i: (-savings[i], -i if isinstance(types[i], BINARY) else i)):
        if used <= limit or savings[i] <= 0:
            break
        shrunk[i] = _unbounded(types[i])
        used -= savings[i]
    return shrunk


def _unbounded(column_type: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(column_type, VARBINARY | BINARY):
        return MEDIUMBLOB()
    charset, collation = getattr(column_type, "charset", None), getattr(column_type, "collation", None)
    return MEDIUMTEXT(charset=charset, collation=collation)


def _too_wide(table: str, columns: int, row: int, page: int) -> SchemaError:
    over = f"{row:,} bytes where {MAX_ROW:,} fit" if row > MAX_ROW else f"{page:,} bytes a page where {MAX_PAGE:,} fit"
    return SchemaError(
        f"table {table!r}: {columns} columns need {over}",
        hint="`exclude` in rtpipe.toml leaves fields out; or split the record over several topics",
    )
