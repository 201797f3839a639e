"""A user column: its full type, taken apart. Every value for it is checked.

Even in strict mode, neither server refuses a value that such a column rounds, cuts or pads. So the full type, as the
server describes it, decides which values the column takes unchanged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from avro_schemas.columns.found_table import FoundColumn
from rtpipe.mysql.quoting import unescaped

_WORDS = re.compile(r"([a-z0-9_]+)(?:\((.*?)\))?((?: (?:unsigned|zerofill|signed))*)", re.DOTALL)
_MEMBERS = re.compile(r"(enum|set)\((.*)\)", re.DOTALL)
_MEMBER = re.compile(r"'((?:[^'\\]|''|\\.)*)'(,|$)", re.DOTALL)
_NOTE = re.compile(r"\s*/\*.*?\*/", re.DOTALL)
#: Bits of an integer.
INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
#: Most bytes of the types that have no length of their own.
MOST_BYTES = {
    **{f"{size}text": most for size, most in (("tiny", 255), ("", 65_535), ("medium", (1 << 24) - 1))},
    **{f"{size}blob": most for size, most in (("tiny", 255), ("", 65_535), ("medium", (1 << 24) - 1))},
    "longtext": (1 << 32) - 1,
    "longblob": (1 << 32) - 1,
}
_KINDS = {
    **dict.fromkeys(INTEGER_BITS, "integer"),
    **dict.fromkeys(("float", "double"), "float"),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), "text"),
    **dict.fromkeys(("varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "binary"),
    **{name: name for name in ("decimal", "bit", "date", "time", "datetime", "timestamp", "binary", "enum", "set")},
    **{name: name for name in ("json", "uuid", "inet4", "inet6", "year")},
    "binary": "fixed",
}


@dataclass(frozen=True, slots=True)
class UserColumn:
    """`decimal(10,2) unsigned`: its words, its kind, and the parts of these words."""

    words: str  #: the type as the server writes it
    kind: str  #: integer, decimal, float, text, binary, fixed, ...; "" for a type that is not known here
    name: str = ""  #: decimal, mediumtext, ...
    numbers: tuple[int, ...] = ()  #: in its brackets
    members: tuple[str, ...] = ()  #: of an ENUM or SET, in their order
    unsigned: bool = False
    zerofill: bool = False
    charset: str | None = None

    @property
    def length(self) -> int:
        """Characters or bytes of a type that says so, else 0."""
        return self.numbers[0] if self.numbers else 0

    @property
    def digits(self) -> int:
        """Digits after the second of a time."""
        return self.numbers[0] if self.numbers else 0

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest number of an integer."""
        bits = INTEGER_BITS[self.name]
        return (0, (1 << bits) - 1) if self.unsigned else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    @property
    def decimal(self) -> tuple[int, int]:
        """All digits and those after the point of a DECIMAL, which has ten of them if it says nothing."""
        whole, *scale = self.numbers or (10,)
        return whole, scale[0] if scale else 0

    @property
    def precision(self) -> tuple[int, int] | None:
        """All digits and those after the point, of DECIMAL(p,s), FLOAT(p,s) and DOUBLE(p,s)."""
        if self.kind == "decimal":
            return self.decimal
        return (self.numbers[0], self.numbers[1]) if len(self.numbers) > 1 else None


def user_column(found: FoundColumn) -> UserColumn:
    """The column as its table's people made it."""
    words = _NOTE.sub("", found.type).strip()
    if listed := _MEMBERS.fullmatch(words):
        members = _members(listed[2])
        kind = listed[1] if members else ""
        return UserColumn(words, kind, listed[1], members=members, charset=found.charset)
    parts = _WORDS.fullmatch(words.lower())
    name = parts[1] if parts else ""
    inside = [part.strip() for part in (parts[2] or "").split(",") if part.strip()] if parts else []
    known = parts is not None and all(part.isdigit() for part in inside)
    numbers = tuple(map(int, inside)) if known else ()
    kind = _KINDS.get(name, "") if known else ""
    if name in INTEGER_BITS:
        numbers = ()  # the width in which it is shown
    if name == "year":
        kind, numbers = ("" if numbers == (2,) else kind), ()  # YEAR(2) keeps no century
    more = parts[3] if parts else ""
    zerofill = "zerofill" in more
    return UserColumn(words, kind, name, numbers, (), zerofill or "unsigned" in more, zerofill, found.charset)


def _members(inside: str) -> tuple[str, ...]:
    """The members of an ENUM or SET; () if they cannot be read."""
    members, at = [], 0
    while at < len(inside):
        found = _MEMBER.match(inside, at)
        if found is None:
            return ()
        members.append(unescaped(found[1]))
        at = found.end()
    return tuple(members)
