"""Several JSON Schemas that all apply at once (`allOf`) -> one schema of the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from avro_schemas.files.json_file import json_kind
from rtpipe.errors import SchemaError

#: Words about a schema that change nothing about its values.
ANNOTATIONS = frozenset(
    {"title", "description", "$comment", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"$id", "$anchor"}
)
#: Most properties of an object, and most values of an `enum` that are compared with another's.
MAX_PROPERTIES = 1_000
_NAMED_PARTS = frozenset({"properties", "patternProperties"})
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("properties", "patternProperties"), dict),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "required", "enum", "prefixItems"), list),
    "additionalProperties": (dict, bool),
    "items": (dict, bool, list),
    "type": (str, list),
    "$ref": str,
}
_LEAST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems"})
_GREATEST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems"})


def merged(parts: Iterable[Mapping[str, Any]], own: Mapping[str, Any]) -> dict[str, Any]:
    """All of `parts`, then `own`, the schema around them, whose title and description count."""
    result: dict[str, Any] = {}
    for part in (*parts, own):
        for key, value in part.items():
            result[key] = _both(key, result[key], value) if key in result else value
    for key in ("title", "description"):
        if key in own:
            result[key] = own[key]
    if "title" not in own:
        result.pop("title", None)
    return result


def check_keywords(schema: Mapping[str, Any]) -> None:
    """SchemaError if the value of a keyword that is read is of a kind that it cannot be."""
    for key, kinds in _KINDS.items():
        if key in schema and not isinstance(schema[key], kinds):
            raise SchemaError(f"`{key}` may not be {json_kind(schema[key])}")


def is_annotated(schema: Mapping[str, Any], key: str) -> bool:
    """Whether nothing but `key` says anything about the values."""
    return schema.keys() - ANNOTATIONS == {key}


def bare(schema: Any) -> Any:
    """`schema` without its annotations, to compare it."""
    return {k: v for k, v in schema.items() if k not in ANNOTATIONS} if isinstance(schema, Mapping) else schema


def words_of(types: Any) -> list[str]:
    """The value of `type` as a list; what is no word in it becomes one that no type has."""
    return [] if types is None else [str(word) for word in (types if isinstance(types, list) else [types])]


def _both(key: str, one: Any, other: Any) -> Any:
    if one is other or one == other:
        return one
    if key in _NAMED_PARTS and isinstance(one, Mapping) and isinstance(other, Mapping):
        if len(one) > MAX_PROPERTIES:
            raise SchemaError(f"`{key}` are more than {MAX_PROPERTIES:,} in all parts of `allOf`")
        shared = {name: _all_of(one[name], value) if name in one else value for name, value in other.items()}
        return {**one, **shared}
    if key in {"items", "additionalProperties"}:
        return _all_of(one, other)
    if key == "type":
        return _types(words_of(one), words_of(other)) or one
    if isinstance(one, list) and isinstance(other, list):
        if key == "required":
            return list(dict.fromkeys(map(str, [*one, *other])))
        if key == "enum" and max(len(one), len(other)) <= MAX_PROPERTIES:
            return [value for value in one if value in other] or one
    choose: Callable[[Any, Any], Any] | None = min if key in _LEAST else max if key in _GREATEST else None
    return choose(one, other) if choose and _is_number(one) and _is_number(other) else one


def _all_of(one: Any, other: Any) -> Any:
    if isinstance(one, bool) or isinstance(other, bool):
        return False if one is False or other is False else other if one is True else one
    if one is other:
        return one
    parts = one["allOf"] if isinstance(one, Mapping) and one.keys() == {"allOf"} else [one]
    return {"allOf": [*parts, other]}


def _types(one: list[str], other: list[str]) -> list[str] | str:
    found = [word for word in one if word in other or (word == "integer" and "number" in other)]
    if "number" in one and "integer" in other and "integer" not in found:
        found.append("integer")
    return found[0] if len(found) == 1 else found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
