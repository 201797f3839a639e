"""A schema without its logical types, so that a decoder hands over what is in the bytes and changes nothing."""

from __future__ import annotations

from typing import Any

_LOGICAL = {"logicalType", "precision", "scale"}


def raw_schema(schema: Any) -> Any:
    """A copy of `schema` in which every logicalType is gone: decimals stay bytes, timestamps stay longs."""
    if isinstance(schema, list):
        return [raw_schema(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    is_logical = "logicalType" in schema
    return {
        key: raw_schema(value) if key in {"type", "items", "values", "fields"} else value
        for key, value in schema.items()
        if not (is_logical and key in _LOGICAL)
    }
