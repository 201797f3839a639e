"""Rows as text, read back: what is in a LOAD DATA file, and in the literals of an INSERT. Nothing of rtpipe's helps.

A value is None, a text, bytes, or a Number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIELD = re.compile(rb'"((?:[^"]|"")*)"|([^"\t\n]*)', re.DOTALL)
_LITERAL = re.compile(r"NULL|X'([0-9a-f]*)'|'((?:[^'\\]|''|\\.)*)'|([-+0-9.e]+)", re.DOTALL)
_MEANINGS = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_ESCAPED = re.compile(r"''|\\(.)", re.DOTALL)
_UNHEX = re.compile(r"`([^`]*)` = UNHEX\((@c[0-9]+)\)")


@dataclass(frozen=True)
class Number:
    """A number as it was written, which is the same as another text of it."""

    text: str

    def __eq__(self, other: object) -> bool:
        """A whole number by its digits; a fraction by the double that the server reads, to the last bit."""
        text = other.text if isinstance(other, Number) else other
        if not isinstance(text, str):
            return False
        is_fraction = not {".", "e"}.isdisjoint(self.text + text)
        return self.text == text or (is_fraction and float(self.text).hex() == float(text).hex())

    __hash__ = None  # type: ignore[assignment]


Value = None | str | bytes | Number


def read_file(content: bytes, load_columns: str) -> list[list[Value]]:
    """The rows of a file: tabs, newlines, double quotes around texts, twice within; NULL is not quoted."""
    names, _, sets = load_columns.partition(" SET ")
    places = [place.strip() for place in names.strip("()").split(", ")]
    hexadecimal = {place for _, place in _UNHEX.findall(sets)}
    rows: list[list[Value]] = [[]]
    at = 0
    while at < len(content):
        found = _FIELD.match(content, at)
        assert found, content[at : at + 50]
        rows[-1].append(_field(found, of_bytes=places[len(rows[-1])] in hexadecimal))
        at = found.end()
        assert content[at : at + 1] in b"\t\n", content[at : at + 50]
        if content[at : at + 1] == b"\n":
            rows.append([])
        at += 1
    assert rows.pop() == []
    assert all(len(row) == len(places) for row in rows)
    return rows


def _field(found: re.Match[bytes], *, of_bytes: bool) -> Value:
    if found[1] is None:
        return None if found[2] == b"NULL" else Number(found[2].decode())
    text = found[1].replace(b'""', b'"').decode()
    return bytes.fromhex(text) if of_bytes else text


def read_literals(row: str) -> list[Value]:
    """The values of a row's literals."""
    values: list[Value] = []
    at = 0
    while at < len(row):
        found = _LITERAL.match(row, at)
        assert found, row[at : at + 50]
        values.append(_literal(found))
        at = found.end() + 1
        assert row[found.end() : at] in {",", ""}, row[at - 20 : at + 20]
    return values


def _literal(found: re.Match[str]) -> Value:
    if found[0] == "NULL":
        return None
    if found[1] is not None:
        return bytes.fromhex(found[1])
    if found[2] is not None:
        return re.sub(
            r"''|\\(.)",
            lambda mark: "'" if mark[1] is None else _MEANINGS.get(mark[1], mark[1]),
            found[2],
            flags=re.DOTALL,
        )
    return Number(found[3])
