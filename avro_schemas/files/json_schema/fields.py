"""The fields of a record that a JSON Schema becomes, and the `doc` that keeps what Avro cannot say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from avro_schemas.files.json_schema.avro_unions import nullable


def field_of(name: str, found: Any, *, needed: bool, title: str) -> dict[str, Any]:
    """A field that may be left out is nullable, with null as its default."""
    result: dict[str, Any] = {"name": name, "type": found if needed else nullable(found)}
    if not needed:
        result["default"] = None
    return result if name == title else result | {"jsonName": title}


def doc_of(description: Any, notes: Iterable[str]) -> dict[str, str]:
    """The `doc` of a field or record, if there is anything to say: the description, then each note in brackets."""
    parts = [*([description.strip()] if isinstance(description, str) else []), *(f"[{note}]" for note in notes)]
    text = " ".join(filter(None, parts))
    return {"doc": text} if text else {}
