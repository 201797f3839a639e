"""A file from anybody -> its bytes, and the JSON in it. Limits are checked first; each refusal says where."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtpipe.errors import SchemaError, SettingsError

#: Most bytes of a schema file, or of the header of a container file.
MAX_FILE = 1_000_000
#: Most arrays and objects inside one another, so that every walk through a document ends.
MAX_NESTING = 200

#: Most problems that a message tells.
_MOST_TOLD = 100
_HINT = "is the path right, and may this user read it?"
#: A string or a comment; each to the end of the text if nothing closes it, so that no text is scanned twice.
_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\]++|\\.)*+"?+|//[^\n]*+|/\*.*?(?:\*/|\Z)', re.DOTALL)


class SchemaFileError(SchemaError):
    """A schema file is refused; `problems` are all that was found in it, each with its place."""

    def __init__(self, path: Path, problems: Sequence[str], *, allowed: str = "", hint: str = "") -> None:
        self.problems = tuple(problems)
        many = f"{len(problems):,} problems\n  " if len(problems) > 1 else ""
        told = [
            *problems[:_MOST_TOLD],
            *([f"and {len(problems) - _MOST_TOLD:,} more"] if problems[_MOST_TOLD:] else []),
        ]
        super().__init__(f"{path}: {many}" + "\n  ".join(told) + allowed, hint=hint or "nothing was created")


class JsonObject(dict[str, Any]):
    """A JSON object that remembers the keys written twice, of which a dict keeps only the last."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: list[str] = []
        if len(self) < len(pairs):
            self.repeated = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]


def read_start(path: Path, *, hint: str = _HINT) -> bytes:
    """The first MAX_FILE bytes of a file, and one more if there are more. SettingsError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}", hint=hint) from error


def is_file(path: Path) -> bool:
    """Whether there is such a file; where no file can have the name, there is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def text_of(path: Path, raw: bytes) -> str:
    """`raw` as text. SchemaFileError if there is too much of it, or if it is not UTF-8."""
    if len(raw) > MAX_FILE:
        raise SchemaFileError(path, [f"more than {MAX_FILE:,} bytes, the most that are read"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}"
        raise SchemaFileError(path, [problem]) from error


def parsed(path: Path, text: str) -> Any:
    """The JSON document in `text`, its objects as JsonObject; SchemaFileError says where it is none.

    Comments are ignored, as Avro's own parser for Java does.
    """
    try:
        document = _loaded(text)
    except json.JSONDecodeError as error:
        try:
            document = _loaded(_STRING_OR_COMMENT.sub(_without_comment, text))
        except (RecursionError, ValueError):
            raise SchemaFileError(path, [f"not JSON: {json_problem(error)}"]) from error
    except (RecursionError, ValueError) as error:
        raise SchemaFileError(path, [f"not JSON that can be read: {json_problem(error)}"]) from error
    if too_deep(document):
        raise SchemaFileError(path, [f"JSON with more than {MAX_NESTING} arrays and objects inside one another"])
    if "\\u" in text and not _encodable(document):
        raise SchemaFileError(path, ["half a character: a \\ud800 to \\udfff that has no other half"])
    return document


def json_problem(error: ValueError | RecursionError) -> str:
    """What Python's parser found wrong, in words."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    if isinstance(error, RecursionError):
        return "arrays and objects are nested too deep"
    if "digits" in str(error):  # its own words name a function of Python's
        return f"a number of more than {sys.get_int_max_str_digits():,} digits"
    return str(error)


def too_deep(document: Any) -> bool:
    """Whether more than MAX_NESTING arrays and objects stand inside one another."""
    waiting = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_NESTING and isinstance(value, list | dict):
            return True
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(one, depth + 1) for one in inner]
    return False


def repeated_keys(document: Any) -> list[str]:
    """The keys that some object of a parsed document has twice, sorted."""
    found: set[str] = set()
    waiting = [document]
    while waiting:
        value = waiting.pop()
        found.update(value.repeated if isinstance(value, JsonObject) else ())
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sorted(found)


def json_kind(value: Any) -> str:
    """What a JSON value is, with its article."""
    kinds = {dict: "an object", JsonObject: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _loaded(text: str) -> Any:
    return json.loads(text, object_pairs_hook=JsonObject, parse_constant=_refuse_constant)


def _encodable(document: Any) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _without_comment(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else " "
