"""The types of JSON Schema that have no parts, and lists of values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from avro_schemas.avro.field_types import is_count

#: What a value of any type is: JSON text.
ANY = "string"
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_SYMBOLS = 10_000
#: Most digits of a number for which a bound is believed; with more it is text.
_MAX_DIGITS = 65
_FORMATS: dict[str, dict[str, Any]] = {
    "date": {"type": "int", "logicalType": "date"},
    "date-time": {"type": "long", "logicalType": "timestamp-micros"},
    "uuid": {"type": "string", "logicalType": "uuid"},
}


@dataclass(frozen=True, slots=True)
class Enumerated:
    """What a list of values is: `symbols` of an enum, or else the plain Avro type that holds them all."""

    symbols: list[str]
    plain: Any
    nullable: bool


def plain_type(word: str, schema: Mapping[str, Any], *, logical: bool) -> tuple[Any, str]:
    """The Avro type for a `type` without parts, and a warning or ""; (None, what is wrong) if there is no such type."""
    match word:
        case "null" | "boolean":
            return word, ""
        case "number":
            return "double", ""
        case "integer":
            return _integer(schema)
        case "string":
            if logical and (found := _FORMATS.get(str(schema.get("format")))):
                return dict(found), ""
            length = schema.get("maxLength")
            return ({"type": "string", "maxLength": length}, "") if is_count(length) else ("string", "")
    allowed = "null, boolean, integer, number, string, array, object"
    return None, f"the type {word[:60]!r} is none of JSON Schema, which has {allowed}"


def enum_type(values: Sequence[Any]) -> Enumerated:
    """What the values of an `enum` are together; null makes it nullable."""
    present = [value for value in values if value is not None]
    nullable = len(present) < len(values)
    texts = [value for value in present if isinstance(value, str)]
    symbols = list(dict.fromkeys(texts))
    usable = 0 < len(symbols) <= _MAX_SYMBOLS and all(_SYMBOL.fullmatch(symbol) for symbol in symbols)
    if usable and len(texts) == len(present):
        return Enumerated(symbols, None, nullable)
    return Enumerated([], _common(present), nullable)


def _common(values: Sequence[Any]) -> Any:
    kinds = {type(value) for value in values}
    words: list[tuple[set[type], Any]] = [
        (set(), "null"),
        ({str}, "string"),
        ({bool}, "boolean"),
        ({int}, "long"),
        ({int, float}, "double"),
    ]
    return next((word for types, word in words if kinds <= types), ANY)


def _integer(schema: Mapping[str, Any]) -> tuple[Any, str]:
    """An int or a long by the bounds; a bound beyond both says that the numbers are larger."""
    lower = [schema[key] for key in ("minimum", "exclusiveMinimum") if _is_whole(schema.get(key))]
    upper = [schema[key] for key in ("maximum", "exclusiveMaximum") if _is_whole(schema.get(key))]
    least, most = max(lower, default=None), min(upper, default=None)
    bounds = [bound for bound in (least, most) if bound is not None]
    if all(-(1 << 63) <= bound < 1 << 63 for bound in bounds):
        small = len(bounds) == 2 and all(-(1 << 31) <= bound < 1 << 31 for bound in bounds)  # noqa: PLR2004
        return ("int" if small else "long"), ""
    digits = max(len(str(abs(bound))) for bound in bounds)
    if digits > _MAX_DIGITS:
        return "string", f"numbers of {digits} digits: they must be written as text"
    found = {"type": "bytes", "logicalType": "decimal", "precision": digits, "scale": 0}
    return found, f"numbers of more than 64 bits: they must be written as a decimal of {digits} digits"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def implied_types(schema: Mapping[str, Any]) -> list[str]:
    """The type that keywords without a `type` are about."""
    if schema.keys() & {"properties", "patternProperties"} or isinstance(schema.get("additionalProperties"), Mapping):
        return ["object"]
    if schema.keys() & {"items", "prefixItems"}:
        return ["array"]
    if "const" in schema:
        return [_type_word(schema["const"])]
    return ["string"] if schema.keys() & {"maxLength", "pattern", "format"} else []


def _type_word(value: Any) -> str:
    words = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array"}
    return words.get(type(value), "object")
