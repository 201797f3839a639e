"""Documents of JSON Schema that only define types, for others to refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avro_schemas.files.json_file import SchemaFileError
from avro_schemas.files.json_schema.merge import ANNOTATIONS

#: What a document says of itself, and the types that it defines.
_ABOUT = frozenset({"$schema", "id", "$vocabulary", "self", "definitions", "$defs", "version"})
#: Most names of definitions that a message tells.
_MOST_NAMES = 10


class DefinitionsError(SchemaFileError):
    """A file of JSON Schema that only defines types, for others to refer to: no table comes of it."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        shown = ", ".join([*names[:_MOST_NAMES], *(["..."] if names[_MOST_NAMES:] else [])])
        problem = f"it only defines types ({shown}) and says nothing about a value, so no table comes of it"
        hint = f'for a table of one of them: a file with {{"$ref": "{path.name}#/{names[0]}"}} beside it'
        super().__init__(path, [problem], hint=hint)


def definitions_alone(document: Any) -> list[str]:
    """The paths of the types that a document defines, if it says nothing else: `definitions/Address`."""
    if not isinstance(document, Mapping) or document.keys() - ANNOTATIONS - _ABOUT:
        return []
    defined = [(key, document[key]) for key in ("definitions", "$defs") if isinstance(document.get(key), Mapping)]
    return [f"{key}/{name}" for key, inner in defined for name in inner]
