"""Named types across schemas: which a schema defines, and a schema made self-contained by taking in what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from avro_schemas.avro.field_types import PRIMITIVES

#: Types inside types; JSON of both servers ends a little above it (98), a recursive value's parts included.
MAX_DEPTH = 40
#: What has a name of its own and may be used again by it.
NAMED = ("record", "error", "enum", "fixed")


@dataclass(frozen=True, slots=True)
class Definition:
    """A named type as it was written, and the namespace in which it stood."""

    name: str  #: full name
    schema: Mapping[str, Any]
    outer: str


Find = Callable[[str], Definition | None]


def inner_namespace(schema: Mapping[str, Any], outer: str) -> str:
    """The namespace of a named type, in which the names inside it are read; `outer` is the one around it."""
    name, namespace = str(schema.get("name", "")), schema.get("namespace")
    if "." in name:
        return name.rpartition(".")[0]
    return namespace if isinstance(namespace, str) else outer


def full_name(name: str, namespace: str) -> str:
    """`name` with its namespace, which counts for nothing where the name has dots."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def definitions(schema: Any, outer: str = "", depth: int = 0) -> Iterator[Definition]:
    """The named types that a schema defines, in the order of its text; what is no valid schema defines none."""
    if depth > MAX_DEPTH + 1:
        return
    if isinstance(schema, list):
        for branch in schema:
            yield from definitions(branch, outer, depth + 1)
    if not isinstance(schema, Mapping):
        return
    kind, fields = schema.get("type"), schema.get("fields")
    if kind in NAMED:
        namespace = inner_namespace(schema, outer)
        yield Definition(full_name(str(schema.get("name", "")), namespace), schema, outer)
        for field in fields if isinstance(fields, list) and kind in {"record", "error"} else []:
            if isinstance(field, Mapping):
                yield from definitions(field.get("type"), namespace, depth + 1)
    elif kind in ("array", "map"):
        yield from definitions(schema.get("items" if kind == "array" else "values"), outer, depth + 1)


def self_contained(schema: Any, find: Find) -> Any:
    """`schema` with each named type that it uses but does not define put where it is used first.

    `find` gives the definition of a full name, or None: then the name stays, and whoever reads the schema refuses it.
    """
    return _Inliner({one.name for one in definitions(schema)}, find).type(schema, _Spot())


@dataclass(frozen=True, slots=True)
class _Spot:
    namespace: str = ""
    depth: int = 0
    taken_in: bool = False  # it comes from elsewhere, and so may define again what is there already

    def inside(self, namespace: str | None = None) -> _Spot:
        return replace(self, namespace=self.namespace if namespace is None else namespace, depth=self.depth + 1)


class _Inliner:
    def __init__(self, own: Collection[str], find: Find) -> None:
        self._own, self._find = own, find
        self._defined: set[str] = set()

    def type(self, schema: Any, spot: _Spot) -> Any:
        if spot.depth > MAX_DEPTH + 1:  # the reader refuses it, with its place
            return schema
        if isinstance(schema, str):
            return self._word(schema, spot)
        if isinstance(schema, list):
            return [self.type(branch, spot.inside()) for branch in schema]
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        if not isinstance(kind, str):
            return schema
        if kind in NAMED:
            return self._define(schema, spot)
        part = {"array": "items", "map": "values"}.get(kind)
        if part:
            return {**schema, part: self.type(schema[part], spot.inside())} if part in schema else schema
        word = self._word(kind, spot)
        return {**schema, "type": word} if isinstance(word, str) else {**schema, **word}

    def _word(self, word: str, spot: _Spot) -> Any:
        if word in PRIMITIVES:
            return word
        for full in dict.fromkeys((full_name(word, spot.namespace), word)):
            if full in self._defined or full in self._own:
                return word
            if found := self._find(full):
                return self._define(found.schema, replace(spot, taken_in=True), found.outer)
        return word

    def _define(self, schema: Mapping[str, Any], spot: _Spot, outer: str | None = None) -> Any:
        """The definition; with `outer` one that stood in that namespace, and is now moved to `spot`."""
        namespace = inner_namespace(schema, spot.namespace if outer is None else outer)
        full = full_name(str(schema.get("name", "")), namespace)
        if spot.taken_in and full in self._defined:
            return full
        self._defined.add(full)
        result = dict(schema)
        if outer is not None and namespace != spot.namespace:
            result |= {"name": full.rpartition(".")[2], "namespace": namespace}
        elif outer is not None:
            result["name"] = full.rpartition(".")[2]
            result.pop("namespace", None)
        if isinstance(fields := schema.get("fields"), list) and schema["type"] in {"record", "error"}:
            result["fields"] = [self._field(field, spot.inside(namespace)) for field in fields]
        return result

    def _field(self, field: Any, spot: _Spot) -> Any:
        if not isinstance(field, Mapping) or "type" not in field:
            return field
        return {**field, "type": self.type(field["type"], spot)}
