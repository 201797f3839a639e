"""Parts of Avro schemas, written short."""

from __future__ import annotations

from typing import Any


def logical(base: Any, word: str, /, **more: Any) -> dict[str, Any]:
    """A type with a logical type, right or wrong, and further attributes."""
    return {"type": base, "logicalType": word, **more}


def field(name: str, kind: Any, /, **more: Any) -> dict[str, Any]:
    """A field of a record, and further attributes such as its default."""
    return {"name": name, "type": kind, **more}


def text(length: int) -> dict[str, Any]:
    """A string of so many characters at most."""
    return {"type": "string", "maxLength": length}


MILLIS, MICROS = logical("long", "timestamp-millis"), logical("long", "timestamp-micros")


def plain(schema: Any) -> Any:
    """Without logical types, so that fastavro takes ints and bytes as they are."""
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(one) for one in schema] if isinstance(schema, list) else schema
