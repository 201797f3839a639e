"""Plain forms of JSON Schema: references followed, `allOf` merged, and what a union's branch is as a whole.

Every form is made once and kept, since the types that it becomes are known by it: by the object itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from avro_schemas.files.json_schema.merge import ANNOTATIONS, bare, check_keywords, is_annotated, merged, words_of
from avro_schemas.files.json_schema.references import Library
from rtpipe.errors import SchemaError

#: Most branches of a union.
MAX_BRANCHES = 200


class Shapes:
    """The forms of one document's schemas."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._made: dict[tuple[int, object], tuple[Any, Any]] = {}  # with what it was made of, so that ids stay
        self._open: set[tuple[int, object]] = set()
        self._merged: dict[tuple[frozenset[int], int], Any] = {}  # by what it is made of, which is kept in `_made`
        self._gathering: set[int] = set()

    def target(self, schema: Mapping[str, Any]) -> tuple[Any, str]:
        """What the `$ref` of `schema` points at, and a word for it."""
        found, word = self._library.resolve(schema["$ref"])
        if not isinstance(found, Mapping | bool):
            raise SchemaError(f"$ref {str(schema['$ref'])!r} points at no schema")
        return found, word

    def flat(self, schema: Any) -> Any:
        """`schema` without `allOf` at its top, nor a `$ref` beside other keywords.

        A `$ref` alone stays, since it names a type. SchemaError for a circle of them.
        """
        if not isinstance(schema, Mapping):
            return schema
        check_keywords(schema)
        if is_annotated(schema, "$ref"):
            return schema
        if "allOf" not in schema and "$ref" not in schema:
            return schema
        if is_annotated(schema, "allOf") and len(schema["allOf"]) == 1:
            return self.flat(schema["allOf"][0])
        return self._once(schema, "flat", lambda: self._flattened(schema))

    def of_type(self, schema: Mapping[str, Any], word: str) -> Any:
        """`schema` with one of its types alone."""
        return self._once(schema, ("type", word), lambda: {**schema, "type": word})

    def without(self, schema: Mapping[str, Any], *keys: str) -> Any:
        """`schema` without some keywords."""
        return self._once(schema, keys, lambda: {key: value for key, value in schema.items() if key not in keys})

    def branches(self, schema: Mapping[str, Any], key: str) -> list[Any]:
        """The branches of `oneOf` or `anyOf`, each together with what stands beside it, no two that mean the same.

        [] if they only restrict what stands beside them, and so make no union of it.
        """
        given = schema[key]
        if len(given) > MAX_BRANCHES:
            raise SchemaError(f"`{key}` has {len(given):,} branches; at most {MAX_BRANCHES} are read")
        base = self.without(schema, "oneOf", "anyOf", "title", "description")
        alone = not base.keys() - {"nullable", "$schema", "definitions", "$defs", "$id", "discriminator"}
        plain = [branch if alone else self._resolved(branch) for branch in given]
        if not alone and not any(_adds(branch, base) for branch in plain):
            return []
        found: list[Any] = []
        for number, branch in enumerate(given):
            whole = self.flat(branch) if alone else self._with_base(schema, base, branch, (key, number))
            if not any(bare(whole) == bare(other) for other in found):
                found.append(whole)
        return found

    def _with_base(self, schema: Any, base: Any, branch: Any, name: object) -> Any:
        def make() -> dict[str, Any]:
            part = self._resolved(branch)
            whole = merged([base], part if isinstance(part, Mapping) else {})
            return self.without(whole, "$id", "$schema", "definitions", "$defs")  # type: ignore[no-any-return]

        return self._once(schema, name, make)

    def _flattened(self, schema: Mapping[str, Any]) -> Any:
        """All that `schema` is made of, merged. Once for the same parts: a type that meets itself again is itself."""
        parts: dict[int, Mapping[str, Any]] = {}
        self._gather(schema, parts)
        own = self.without(schema, "$ref", "allOf")
        named = bool(own.keys() & {"title", "description"})
        key = (frozenset(number for number, part in parts.items() if part.keys() - ANNOTATIONS), named and id(own))
        if key not in self._merged:
            parts.pop(id(own), None)
            whole = merged(parts.values(), own)
            alone = [part for part in parts.values() if part.keys() - ANNOTATIONS]
            self._merged[key] = alone[0] if len(alone) == 1 and not own else whole
        return self._merged[key]

    def _gather(self, schema: Any, parts: dict[int, Mapping[str, Any]]) -> None:
        """Add what a schema is made of, none of which has a reference or `allOf` at its top."""
        if not isinstance(schema, Mapping) or id(schema) in parts:
            return
        check_keywords(schema)
        if "$ref" not in schema and "allOf" not in schema:
            parts[id(schema)] = schema
            return
        if id(schema) in self._gathering:
            raise SchemaError("`allOf` contains itself")
        self._gathering.add(id(schema))
        try:
            if "$ref" in schema:
                self._gather(self.target(schema)[0], parts)
            for part in schema.get("allOf", []):
                self._gather(part, parts)
        finally:
            self._gathering.discard(id(schema))
        own = self.without(schema, "$ref", "allOf")
        parts[id(own)] = own

    def _resolved(self, schema: Any) -> Any:
        """`schema` with every reference at its top followed."""
        seen = set()
        while isinstance(found := self.flat(schema), Mapping) and "$ref" in found:
            if id(found) in seen:
                raise SchemaError(f"$ref {str(found['$ref'])!r} points at itself")
            seen.add(id(found))
            schema, _ = self.target(found)
        return found

    def _once(self, schema: Any, name: object, make: Callable[[], Any]) -> Any:
        key = (id(schema), name)
        if key not in self._made:
            if key in self._open:
                raise SchemaError("`allOf` contains itself")
            self._open.add(key)
            try:
                self._made[key] = (make(), schema)
            finally:
                self._open.discard(key)
        return self._made[key][0]


def _adds(branch: Any, base: Mapping[str, Any]) -> bool:
    """Whether a branch says more than which of the base's values are allowed."""
    if not isinstance(branch, Mapping) or "oneOf" in branch or "anyOf" in branch:
        return True
    if "type" not in base and "properties" not in base:
        return True
    inner = branch.get("properties")
    if isinstance(inner, Mapping) and inner.keys() - base.get("properties", {}).keys():
        return True
    return words_of(base.get("type")) == ["object"] and isinstance(branch.get("additionalProperties"), Mapping)
