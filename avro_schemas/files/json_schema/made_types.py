"""The named Avro types that are made of one JSON Schema: each apart, to be put where it is used first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avro_schemas.avro.named_types import Definition
from avro_schemas.files.json_schema.location import Location
from avro_schemas.files.json_schema.names import RESERVED, Names


class MadeTypes:
    """Records and enums by their names."""

    def __init__(self) -> None:
        self._names = Names(RESERVED)
        self._known: dict[int, str] = {}  # id of a schema, which the shapes keep alive -> name of its type
        self._types: dict[str, dict[str, Any]] = {}

    def reserve(self, word: str) -> str:
        """A free name for a record around all others."""
        return self._names.free(word, "")

    def name_for(self, schema: Mapping[str, Any], location: Location) -> str:
        """A free name for the type of a schema, by which `known` finds it from here on."""
        name = self._names.free(location.word, location.parent)
        self._known[id(schema)] = name
        return name

    def known(self, schema: Mapping[str, Any]) -> str | None:
        """The name of the type of a schema that was met before."""
        return self._known.get(id(schema))

    def put(self, made: dict[str, Any]) -> str:
        """Keep a type under its name, also instead of one that was not whole yet."""
        name: str = made["name"]
        self._types[name] = made
        return name

    def get(self, name: str) -> dict[str, Any] | None:
        """The type of a name."""
        return self._types.get(name)

    def definition(self, name: str) -> Definition | None:
        """The same, as `self_contained` asks for it."""
        made = self._types.get(name)
        return None if made is None else Definition(name, made, "")
