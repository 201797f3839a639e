"""The schema for a decoder: it returns what is in the bytes, changes nothing, and keeps the branch of each union.

Every logical type is gone: decimals stay bytes, timestamps stay longs. Each branch of a union of several types is
wrapped in a record of one field, `b0`, `b1` and so on: that takes no byte in a message, and the value says its branch,
{"b1": 7}. Names are short ones of our own, defaults and docs are left out: a decoder needs none of them, and
may judge them otherwise than the registry did.
"""

from __future__ import annotations

from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.type_reader import RecordSchema


def wire_schema(record: RecordSchema) -> dict[str, Any]:
    """The schema of this record, for fastavro."""
    return _Maker().record(record.records[record.name])


def branch_key(number: int) -> str:
    """The one key in a decoded value of a union of several types, whose branch has this number."""
    return f"b{number}"


class _Maker:
    def __init__(self) -> None:
        self._short: dict[str, str] = {}  # full name -> ours

    def record(self, found: FieldType) -> dict[str, Any]:
        short = self._define(found.name)
        fields = [{"name": name, "type": self._union(inner)} for name, inner in found.fields]
        return {"type": "record", "name": short, "fields": fields}

    def _define(self, full: str) -> str:
        self._short[full] = f"t{len(self._short)}"
        return self._short[full]

    def _union(self, found: FieldType) -> Any:
        if not found.branches:
            return self._single(found)
        if found.avro_type != "union":
            return [self._single(branch) for branch in found.branches]
        return [self._wrapped(number, branch) for number, branch in enumerate(found.branches)]

    def _wrapped(self, number: int, branch: FieldType) -> Any:
        if branch.avro_type == "null":
            return "null"
        name = self._define(f"union {len(self._short)}")
        return {
            "type": "record",
            "name": name,
            "fields": [{"name": branch_key(number), "type": self._single(branch)}],
        }

    def _single(self, found: FieldType) -> Any:
        if found.name and found.name in self._short:
            return self._short[found.name]
        match found.avro_type:
            case "record":
                return self.record(found)
            case "fixed":
                return {"type": "fixed", "name": self._define(found.name), "size": found.size}
            case "enum":
                return {"type": "enum", "name": self._define(found.name), "symbols": list(found.symbols)}
            case "array":
                return {"type": "array", "items": self._union(found.inner)}
            case "map":
                return {"type": "map", "values": self._union(found.inner)}
        return found.avro_type
