"""What a server said of an error, without what may be a value of a row."""

from __future__ import annotations

import re

from rtpipe.mysql.error_numbers import READ_ONLY, Action

#: What the server says of them holds names alone.
_NAMES_ONLY = frozenset({READ_ONLY, 3819, 4025})
_QUOTED = re.compile(r"['\"`].*['\"`]", re.DOTALL)
_TOKEN = re.compile(r"\w+")
_LONGEST, _LONGEST_ROW = 250, 200_000
_TELLING = 4  #: characters of a word that is looked for within others, too
CUT = "\N{HORIZONTAL ELLIPSIS}"


def safe_words(number: int, action: Action, said: str) -> str:
    """What the server said, without what may be a value: where it may speak of values, quoted parts and digits go."""
    text = " ".join("".join(mark if mark.isprintable() else " " for mark in said).split())
    if action not in {Action.SETUP, Action.DENIED, Action.LOGIN} and number not in _NAMES_ONLY:
        text = re.sub(r"\d+", CUT, _QUOTED.sub(CUT, text))
        text = text.partition("'")[0].partition('"')[0].rstrip()  # a quotation that was cut off
    return text if len(text) <= _LONGEST else text[:_LONGEST] + CUT


def without_values(words: str, row: str) -> str:
    """`words` without any that stands in `row` too, the SQL of the row: a trigger may say what it saw there."""
    if len(row) > _LONGEST_ROW:
        return ""
    low = re.sub(r"\\.", " ", row.lower(), flags=re.DOTALL)
    values = set(_TOKEN.findall(low))
    telling = [value for value in values if len(value) >= _TELLING] if words else []

    def hide(found: re.Match[str]) -> str:
        word = found[0].lower()
        parts = len(word) >= _TELLING and (word in low or any(value in word for value in telling))
        return CUT if word in values or parts else found[0]

    return re.sub(rf"{CUT}[\s{CUT}]*{CUT}", CUT, _TOKEN.sub(hide, words))
