"""Texts and bytes as SQL literals for the column that they go to, whose limits are looked at here.

The server itself cuts spaces at a text's end that are too many, and fills up a BINARY, in silence and in strict mode,
too; and what it refuses costs it the whole statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.dialects.mysql import (
    BLOB,
    ENUM,
    LONGTEXT,
    MEDIUMBLOB,
    MEDIUMTEXT,
    TEXT,
    TINYBLOB,
    TINYTEXT,
)
from sqlalchemy.types import BINARY, CHAR, VARBINARY, VARCHAR, TypeEngine

from rtpipe.mysql.quoting import hexadecimals, quoted_texts
from workers.rows.literals.exact_fit import Literals

#: Most bytes of the types that have no length of their own. A LONGTEXT holds more than any message.
MOST_BYTES: dict[type[Any], int] = {
    TINYTEXT: 255,
    TEXT: 65_535,
    MEDIUMTEXT: (1 << 24) - 1,
    TINYBLOB: 255,
    BLOB: 65_535,
    MEDIUMBLOB: (1 << 24) - 1,
}
#: Columns whose values are texts.
TEXT_TYPES = (VARCHAR, CHAR, TINYTEXT, TEXT, MEDIUMTEXT, LONGTEXT)


def text_literals(column: TypeEngine[Any]) -> Literals:
    """For values that are str."""
    if isinstance(column, ENUM):
        return _checked(quoted_texts, _member_of(frozenset(column.enums)), "none of the column's ENUM")
    if isinstance(column, CHAR):
        return _bounded(_checked(quoted_texts, _ends_without_space, "spaces at its end, which a CHAR drops"), column)
    return _bounded(quoted_texts, column)


def bytes_literals(column: TypeEngine[Any]) -> Literals:
    """For values that are bytes."""
    if isinstance(column, TEXT_TYPES):
        texts = text_literals(column)
        return lambda values: texts(list(map(decoded, values)))
    if isinstance(column, BINARY) and column.length:
        length = column.length
        return _checked(hexadecimals, lambda value: len(value) == length, f"not the {length} bytes of the column")
    return _bounded(hexadecimals, column)


def _bounded(render: Literals, column: TypeEngine[Any]) -> Literals:
    """A VARCHAR counts characters, the other types count bytes."""
    length = getattr(column, "length", None)
    if length and isinstance(column, VARCHAR | CHAR | VARBINARY):
        in_bytes, most = isinstance(column, VARBINARY), length
    elif type(column) in MOST_BYTES:
        in_bytes, most = True, MOST_BYTES[type(column)]
    else:
        return render

    def checked(values: Sequence[Any]) -> list[str]:
        longest = max(map(len, values), default=0)
        if longest > most or (in_bytes and 4 * longest > most and max(map(_size, values)) > most):
            raise ValueError(f"longer than {most:,} {'bytes' if in_bytes else 'characters'}")
        return render(values)

    return checked


def _size(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)


def _checked(render: Literals, is_good: Callable[[Any], bool], problem: str) -> Literals:
    def checked(values: Sequence[Any]) -> list[str]:
        if not all(map(is_good, values)):
            raise ValueError(problem)
        return render(values)

    return checked


def _member_of(allowed: frozenset[str]) -> Callable[[str], bool]:
    """The server would take a text of digits for the number of a member."""
    return allowed.__contains__


def _ends_without_space(value: str) -> bool:
    return not value.endswith(" ")


def decoded(value: bytes) -> str:
    """The text that the bytes are. ValueError if they are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:  # whose text quotes them
        raise ValueError("bytes that are no UTF-8, for a column of text") from None
