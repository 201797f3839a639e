"""Names and values in the text of a statement, for everybody who writes SQL: quoted and escaped here alone.

Sessions have no ANSI_QUOTES and no NO_BACKSLASH_ESCAPES in their sql_mode, under which these texts would mean something
else: a writer looks at that before its first statement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What a character is in a string literal, where it may not stand as it is.
ESCAPES = {"\\": "\\\\", "'": "''", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"}
_TABLE = str.maketrans(ESCAPES)
#: The backslash comes first, since the others add some. A line's end may stand as it is.
_OF_BYTES = tuple((mark.encode(), ESCAPES[mark].encode()) for mark in "\\'\0\x1a")
_ESCAPED = re.compile(r"''|\\(.)", re.DOTALL)
_MEANINGS = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}


def quoted(*names: str) -> str:
    """An identifier, or several with a point between them: `database`.`table`."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def quoted_list(names: Sequence[str]) -> str:
    """Identifiers with commas between them."""
    return ", ".join(map(quoted, names))


def unquoted(inside: str) -> str:
    """The identifier of which this stood between backticks."""
    return inside.replace("``", "`")


def quoted_text(text: str) -> str:
    """A text as a string literal."""
    return f"'{text.translate(_TABLE)}'"


def quoted_texts(texts: Sequence[str]) -> list[str]:
    """A literal for each text. Most batches hold nothing to escape, which one look at all of them tells."""
    whole = "".join(texts)
    if any(mark in whole for mark in ESCAPES):
        return list(map(quoted_text, texts))
    return [f"'{text}'" for text in texts]


def unescaped(inside: str) -> str:
    """The text of which this stood between the quotes of a literal."""
    return _ESCAPED.sub(lambda mark: "'" if mark[1] is None else _MEANINGS.get(mark[1], mark[1]), inside)


def hexadecimal(data: bytes) -> str:
    """Bytes as a literal of ASCII characters, twice as long as they are."""
    return f"X'{data.hex()}'"


def hexadecimals(values: Sequence[bytes]) -> list[str]:
    """A hexadecimal literal for each."""
    return [f"X'{data.hex()}'" for data in values]


def binary_literal(data: bytes) -> bytes:
    """Bytes as a literal that is hardly longer, in a statement that is bytes."""
    for mark, escape in _OF_BYTES:
        data = data.replace(mark, escape)
    return b"_binary'" + data + b"'"


def pattern(name: str) -> str:
    """The name of a database where a pattern is expected, as in GRANT: `_` and `%` stand for themselves."""
    return name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
