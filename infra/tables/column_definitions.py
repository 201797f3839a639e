"""The columns of a table as SHOW CREATE TABLE writes them, and one of them with another type or with NULL.

A MODIFY forgets whatever it does not tell again: default, check, visibility, character set, storage, and what the next
server will have. So all of the server's own text is told again as it stands, but for the words that are to change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtpipe.mysql.quoting import quoted, unquoted

#: What cannot be cut in two: a text or name in quotes, a comment that some servers read, brackets, a word.
_PART = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"|/\*.*?\*/|[(),]|[^\s'`\"(),/]+|/", re.DOTALL
)
_NAME = re.compile(r"`((?:[^`]|``)*)`")
_SIGNS = {"UNSIGNED", "ZEROFILL"}
_LITERAL_MARKS = "'0123456789-+."


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a definition at its outermost level; brackets are one piece with all that is in them."""

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.upper()


def column_definitions(show_create: str) -> dict[str, str]:
    """Column -> all that follows its name in the text of SHOW CREATE TABLE, whose names are in backticks."""
    found = {}
    body = next(part for part in _parts(show_create) if part.text.startswith("("))
    for entry in _entries(body.text[1:-1]):
        name = _NAME.match(entry)
        if name:  # else an index, a constraint, a period
            found[unquoted(name[1])] = entry[name.end() :].strip()
    return found


def checks_json(show_create: str, name: str) -> bool:
    """Whether a CHECK of column or table lets nothing into the column but JSON: how MariaDB keeps JSON."""
    return f"CHECK {_json_valid(name)}" in show_create


def with_null(definition: str) -> str:
    """The definition of a column that takes NULL."""
    parts = list(_parts(definition))
    for one, two in pairwise(parts):
        if (one.word, two.word) == ("NOT", "NULL"):
            return definition[: one.start] + definition[two.start :]
    return definition


def with_type(definition: str, written: str, character_set: str = "") -> str:
    """The definition with the type `written`, and with this `CHARACTER SET … COLLATE …` instead of its own."""
    definition = _without_character_set(definition)
    parts = list(_parts(definition))
    end = after = _type_end(parts)
    if compressed := next((part for part in parts if part.text.startswith("/*M!") and part.start == end + 1), None):
        after = compressed.end
    more = f" {character_set}" if character_set else ""
    return written + definition[end:after] + more + definition[after:]


def without_collation(definition: str, collation: str) -> str:
    """The definition without the collation that the table has anyway: told again, it would be the column's own."""
    words = [part.word for part in _parts(definition)]
    own = "CHARACTER" in words or collation.upper() not in words
    return definition if own else _without_character_set(definition)


def without_json_check(definition: str, name: str) -> str:
    """The definition without `CHECK (json_valid(`name`))`."""
    wanted = ["CHECK", _json_valid(name)]
    return _without(definition, lambda parts: 2 if [part.text for part in parts[:2]] == wanted else 0)


def with_default_expression(definition: str) -> str:
    """The definition with its default in brackets: of text without bounds MySQL takes no other."""
    parts = list(_parts(definition))
    for one, value in pairwise(parts):
        if one.word == "DEFAULT" and value.text[0] in _LITERAL_MARKS:
            return f"{definition[: value.start]}({value.text}){definition[value.end :]}"
    return definition


def _without_character_set(definition: str) -> str:
    return _without(definition, _character_set_words)


def _without(definition: str, width_of: Callable[[Sequence[_Part]], int]) -> str:
    """The definition without the words that `width_of` finds at the beginning of the parts that it is given."""
    parts = list(_parts(definition))
    for number in reversed(range(1, len(parts))):
        if width := width_of(parts[number:]):
            definition = definition[: parts[number - 1].end] + definition[parts[number + width - 1].end :]
    return definition


def _type_end(parts: Sequence[_Part]) -> int:
    """Where `varchar(64)`, `int unsigned` or `enum('a')` ends."""
    end, rest = parts[0].end, parts[1:]
    for part in rest:
        if not (part.text.startswith("(") or part.word in _SIGNS):
            break
        end = part.end
    return end


def _character_set_words(parts: Sequence[_Part]) -> int:
    """How many of the first parts name a character set or a collation."""
    words = [part.word for part in parts[:2]]
    if words == ["CHARACTER", "SET"]:
        return 3
    return 2 if words[:1] == ["COLLATE"] else 0


def _json_valid(name: str) -> str:
    return f"(json_valid({quoted(name)}))"


def _parts(text: str) -> Iterator[_Part]:
    depth, start = 0, 0
    for found in _PART.finditer(text):
        if found[0] == "(":
            if not depth:
                start = found.start()
            depth += 1
        elif found[0] == ")":
            depth -= 1
            if not depth:
                yield _Part(text[start : found.end()], start, found.end())
        elif not depth:
            yield _Part(found[0], found.start(), found.end())


def _entries(body: str) -> Iterator[str]:
    """What stands between the commas."""
    begin = 0
    for part in _parts(body):
        if part.text == ",":
            yield body[begin : part.start].strip()
            begin = part.end
    yield body[begin:].strip()
