"""Output on terminals and in locales that cannot show every character: another spelling, and never an error."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Mapping
from typing import Any

_EXACT, _READABLE = "rtpipe_exact", "rtpipe_readable"
#: What our own words, which alone go to stderr, use beyond ASCII.
_SPELLED = {"…": "...", "→": "->", "━": "-", "─": "-", "│": "|", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "•": "*"}


def print_json(facts: Mapping[str, Any]) -> None:
    """Print the answer of `--json`, the same for every command: one object, with the version of its keys."""
    text = json.dumps({"schema_version": 1, **facts}, indent=2, default=str)
    print(text.replace("\x7f", "\\u007f"))


def accept_every_character() -> None:
    r"""Make stdout and stderr write in ASCII what their encoding does not have.

    On stdout, which may hold data, as JSON does, `\u20ac`: there it means the same. On stderr so that it reads well.
    """
    codecs.register_error(_EXACT, _exact)
    codecs.register_error(_READABLE, _readable)
    for stream, handler in ((sys.stdout, _EXACT), (sys.stderr, _READABLE)):
        if isinstance(stream, io.TextIOWrapper):  # not one that a test or a program put there, nor a closed one
            stream.reconfigure(errors=handler)


def _exact(error: UnicodeError) -> tuple[str, int]:
    text, end = _refused(error)
    return json.dumps(text)[1:-1], end


def _readable(error: UnicodeError) -> tuple[str, int]:
    text, end = _refused(error)
    return "".join(_SPELLED.get(character) or json.dumps(character)[1:-1] for character in text), end


def _refused(error: UnicodeError) -> tuple[str, int]:
    """The characters that cannot be written, and where they end."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end], error.end
