"""The schema as fastavro's reader keeps it once it is parsed, with no index in it that its bytes should not name.

The reader looks up a union's branch and an enum's symbol by the number in the bytes. In a list, a number below zero
counts from the end; in a dict by number it is not there. A boolean is read as true unless it is 0; as an enum of the
two numbers that its bytes 0 and 1 spell, it is nothing else.
"""

from __future__ import annotations

from typing import Any

import fastavro

#: The byte 0 is the number 0, the byte 1 is the number -1.
_FLAG = {"type": "enum", "symbols": {0: False, -1: True}}


def exact_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A wire schema for fastavro.schemaless_reader, which raises KeyError for an index that is not there."""
    named: dict[str, Any] = {}
    parsed = _exact(fastavro.parse_schema(schema, named))
    parsed |= {"__fastavro_parsed": True, "__named_schemas": named}  # else it is parsed for each call
    return parsed  # type: ignore[no-any-return]


def _exact(schema: Any) -> Any:
    """Changed in place, since `named` holds the same objects."""
    if isinstance(schema, list):
        return {"type": "union", **dict(enumerate(map(_exact, schema)))}
    if schema == "boolean":
        return _FLAG
    if not isinstance(schema, dict):
        return schema
    match schema["type"]:
        case "enum":
            schema["symbols"] = dict(enumerate(schema["symbols"]))
        case "array":
            schema["items"] = _exact(schema["items"])
        case "map":
            schema["values"] = _exact(schema["values"])
        case "record":
            for field in schema["fields"]:
                field["type"] = _exact(field["type"])
    return schema
