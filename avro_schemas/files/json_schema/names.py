"""What the types and fields of a converted JSON Schema are called: plain names, each once, the same on each run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from avro_schemas.avro.field_types import PRIMITIVES
from avro_schemas.avro.named_types import NAMED
from avro_schemas.naming import is_plain

#: Longest title that is taken for a name; a longer one is a sentence.
MAX_TITLE = 40
#: What no type may be called, since Avro has these words for its own.
RESERVED = (*PRIMITIVES, *NAMED, "array", "map", "union")


def clean(word: str) -> str:
    """`word` as an Avro name: `_` for each other character, and in front of a digit."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", word)
    return name if is_plain(name) else f"_{name}"


def titled(schema: Any, otherwise: str) -> str:
    """The title of a schema as a name, if it has one that is short enough."""
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return clean(title.strip()) if isinstance(title, str) and 0 < len(title.strip()) <= MAX_TITLE else otherwise


def root_word(document: Any, path: Path) -> str:
    """The name for a whole document: that of a self-describing one, its title, the end of its `$id`, its file's."""
    if not isinstance(document, Mapping):
        return clean(path.name.partition(".")[0])
    told = document.get("self")
    if isinstance(told, Mapping) and isinstance(told.get("name"), str) and told["name"]:
        return clean(told["name"])
    address = document.get("$id")
    last = address.rstrip("#/").rpartition("/")[2].partition(".")[0] if isinstance(address, str) else ""
    usable = last if re.search("[A-Za-z]", last) else path.name.partition(".")[0]
    return titled(document, clean(usable))


class Names:
    """Names that are taken already, some from the beginning."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = dict.fromkeys(taken, 1)  # -> the number that was tried last behind it

    def free(self, wanted: str, parent: str) -> str:
        """`wanted`, or it behind `parent`, or that with a number: the first one that nobody has; now it is taken."""
        name = wanted
        if name in self._taken and parent:
            name = f"{parent}_{wanted}"
        beginning = name
        while name in self._taken:
            self._taken[beginning] += 1
            name = f"{beginning}_{self._taken[beginning]}"
        self._taken[name] = 1
        return name
