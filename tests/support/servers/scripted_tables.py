"""The tables of a scripted server, as DDL of rtpipe makes them and as information_schema shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_COLUMN = re.compile(r"`((?:[^`]|``)+)` ([A-Z]+(?:\([^)]*\))?(?: UNSIGNED)?)(.*)", re.DOTALL | re.IGNORECASE)
_TEXT = ("char", "text", "enum")
_WRITTEN = {"integer": "int", "bool": "tinyint(1)"}
OUR_COLLATION = "utf8mb4_bin"
Row = tuple[Any, ...]


@dataclass
class ServerColumn:
    """A column as information_schema shows it."""

    type: str
    nullable: bool = True
    charset: str | None = None
    collation: str | None = None
    default: str | None = None
    comment: str = ""

    def row(self, name: str) -> Row:
        null = "YES" if self.nullable else "NO"
        return (name, self.type, null, self.charset, self.collation, self.default, "", self.comment)

    @property
    def definition(self) -> str:
        collated = f" CHARACTER SET {self.charset} COLLATE {self.collation}" if self.charset else ""
        return f"{self.type}{collated}{'' if self.nullable else ' NOT NULL'}"


@dataclass
class ServerTable:
    """A table, its key by column names."""

    columns: dict[str, ServerColumn]
    key: tuple[str, ...] = ()
    engine: str = "InnoDB"
    kind: str = "BASE TABLE"
    collation: str = OUR_COLLATION


def column_of(text: str) -> ServerColumn:
    return defined_column(f"`x` {text}")[1]


def defined_column(text: str) -> tuple[str, ServerColumn]:
    """Name and column of a definition."""
    found = _COLUMN.match(text)
    assert found is not None, text
    written = found[2].lower().replace(", ", ",")
    kind, rest = _WRITTEN.get(written, written), found[3]
    charset = re.search(r"CHARACTER SET (\w+)", rest)
    collation = re.search(r"COLLATE (\w+)", rest)
    default = re.search(r"DEFAULT '?([^' ]+)", rest)
    comment = re.search(r"COMMENT '((?:[^']|'')*)'", rest)
    is_text = any(word in kind for word in _TEXT)
    return found[1], ServerColumn(
        kind,
        "NOT NULL" not in rest,
        charset[1] if charset else "utf8mb4" if is_text else None,
        collation[1] if collation else OUR_COLLATION if is_text else None,
        default[1] if default else None,
        comment[1] if comment else "",
    )
