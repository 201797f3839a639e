"""Column types as text: what people write, `VARCHAR(64)` -> the type object; and back, as the server writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects import mysql
from sqlalchemy.types import BINARY, DATE, VARBINARY, TypeEngine

from rtpipe.errors import SettingsError
from rtpipe.mysql.quoting import unescaped

#: The collation of text that is not in a key, and of tables that rtpipe makes.
OUR_COLLATION = "utf8mb4_bin"
_DIALECT = mysql.dialect()
_WRITTEN = re.compile(r"\s*([A-Za-z]+)\s*(?:\((.*)\))?\s*")
_MEMBER = re.compile(r"\s*'((?:[^'\\]|'')*)'\s*(?:,|$)")
_Maker = Callable[..., TypeEngine[Any]]
#: Name -> how the type is made, how few and how many numbers stand in its brackets.
_TYPES: dict[str, tuple[_Maker, int, int]] = {
    "tinyint": (mysql.TINYINT, 0, 1),
    "smallint": (mysql.SMALLINT, 0, 0),
    "mediumint": (mysql.MEDIUMINT, 0, 0),
    "int": (mysql.INTEGER, 0, 0),
    "integer": (mysql.INTEGER, 0, 0),
    "bigint": (mysql.BIGINT, 0, 0),
    "float": (mysql.FLOAT, 0, 0),
    "double": (mysql.DOUBLE, 0, 0),
    "decimal": (mysql.DECIMAL, 1, 2),
    "char": (mysql.CHAR, 1, 1),
    "varchar": (mysql.VARCHAR, 1, 1),
    "tinytext": (mysql.TINYTEXT, 0, 0),
    "text": (mysql.TEXT, 0, 0),
    "mediumtext": (mysql.MEDIUMTEXT, 0, 0),
    "longtext": (mysql.LONGTEXT, 0, 0),
    "binary": (BINARY, 1, 1),
    "varbinary": (VARBINARY, 1, 1),
    "tinyblob": (mysql.TINYBLOB, 0, 0),
    "blob": (mysql.BLOB, 0, 0),
    "mediumblob": (mysql.MEDIUMBLOB, 0, 0),
    "longblob": (mysql.LONGBLOB, 0, 0),
    "date": (DATE, 0, 0),
    "time": (lambda fsp=0: mysql.TIME(fsp=fsp), 0, 1),
    "datetime": (lambda fsp=0: mysql.DATETIME(fsp=fsp), 0, 1),
    "json": (mysql.JSON, 0, 0),
}


def mysql_type(written: str) -> TypeEngine[Any]:
    """The type. SettingsError, which lists the known types, if it is none of them."""
    found = _WRITTEN.fullmatch(written)
    name = found[1].lower() if found else ""
    if found and name == "enum" and (members := _members(found[2] or "")):
        return mysql.ENUM(*members, charset="utf8mb4", collation=OUR_COLLATION)
    make, fewest, most = _TYPES.get(name, (None, 0, 0))
    numbers = [part.strip() for part in (found[2] or "").split(",")] if found and found[2] is not None else []
    if make is None or not fewest <= len(numbers) <= most or not all(number.isdigit() for number in numbers):
        known = ", ".join(f"{one}{_brackets(*_TYPES[one][1:])}" for one in sorted(_TYPES))
        raise SettingsError(f"{written!r} is no column type that rtpipe knows; there are {known}, enum('a','b')")
    return make(*map(int, numbers))


def type_words(column_type: TypeEngine[Any]) -> str:
    """The type as information_schema writes it, without character set: `varchar(64)`, `decimal(12,2)`."""
    text = str(column_type.compile(dialect=_DIALECT)).partition(" CHARACTER SET ")[0]
    name, bracket, inside = text.replace("INTEGER", "INT").partition("(")
    return name.lower() + bracket + (inside if name == "ENUM" else inside.replace(", ", ",").lower())


def found_type(words: str, charset: str | None = None, collation: str | None = None) -> TypeEngine[Any] | None:
    """The type for words of information_schema; None for a type that rtpipe never makes, such as `int unsigned`."""
    try:
        found: Any = mysql_type(words)
    except SettingsError:
        return None
    if charset and hasattr(found, "charset"):
        found.charset, found.collation = charset, collation
    return found  # type: ignore[no-any-return]


def _brackets(fewest: int, most: int) -> str:
    return "" if not most else "(n)" if most == fewest == 1 else "(p,s)" if fewest else "[(n)]"


def _members(inside: str) -> list[str]:
    """The members of an ENUM, [] if they are not written as such."""
    members, at = [], 0
    while at < len(inside):
        found = _MEMBER.match(inside, at)
        if not found:
            return []
        if found[1].endswith(" "):  # the server would cut the spaces
            return []
        members.append(unescaped(found[1]))
        at = found.end()
    return members
