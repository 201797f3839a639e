"""Schemas and data that others wrote, in the folder `shared/avro` beside the repository, read by the `avro` package.

What a row must look like is worked out here, from what that package decodes with all logical types taken off: nothing
of rtpipe's, and no fastavro, takes part in it.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import struct
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest

FOLDER = Path(__file__).parents[5] / "shared" / "avro"
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME has no zone
_PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "string", "bytes"}
_SECOND = {"millis": 1_000, "micros": 1_000_000}


def files(*endings: str) -> list[Path]:
    """Those of the folder with these endings; [] where there is no such folder."""
    return sorted(path for path in FOLDER.glob("*/*") if path.suffix in endings)


def require() -> None:
    """Skip, by name, where the folder is not."""
    if not FOLDER.exists():
        pytest.skip("others' schemas and data not read: there is no ../shared/avro")


@dataclass(frozen=True)
class Container:
    """A container file: its schema, and each row's bytes as they stand in it."""

    schema: Any
    rows: list[bytes]


def container(path: Path) -> Container | None:
    """None if it is no container file, or a broken one."""
    rows: list[bytes] = []
    try:
        with path.open("rb") as file:
            blocks = fastavro.block_reader(file)
            schema = json.loads(blocks.metadata["avro.schema"])
            for block in blocks:
                decompressed: Any = block
                body = io.BytesIO(decompressed.bytes_.getvalue())
                for _ in range(block.num_records):
                    start = body.tell()
                    fastavro.schemaless_reader(body, blocks.writer_schema, None)
                    rows.append(body.getvalue()[start : body.tell()])
    except (ValueError, EOFError):
        return None
    return Container(schema, rows)


class Expected:
    """What rows of one schema must be in their table."""

    def __init__(self, schema: Any) -> None:
        self._names: dict[str, Any] = {}
        record = {"type": "record", "name": "value", "fields": [{"name": "value", "type": schema}]}
        self._schema: dict[str, Any] = schema if isinstance(schema, dict) and schema.get("type") == "record" else record
        self._reader = avro.io.DatumReader(avro.schema.parse(json.dumps(_raw(self._schema)), validate_names=False))
        self._learn(self._schema, "")

    def row(self, body: bytes) -> dict[str, Any]:
        """Field -> what its column holds; JSON as text with sorted keys."""
        record: Any = self._reader.read(avro.io.BinaryDecoder(io.BytesIO(body)))
        return {field["name"]: self._column(field["type"], record[field["name"]]) for field in self._schema["fields"]}

    def _learn(self, schema: Any, namespace: str) -> None:
        if isinstance(schema, list):
            for branch in schema:
                self._learn(branch, namespace)
        elif isinstance(schema, dict):
            if "name" in schema:
                name = (
                    schema["name"]
                    if "." in schema["name"]
                    else f"{schema.get('namespace', namespace)}.{schema['name']}"
                )
                self._names[name.lstrip(".")] = schema | {"full": name.lstrip(".")}
                namespace = name.rpartition(".")[0]
                schema["full"], schema["within"] = name.lstrip("."), namespace
            for key in ("items", "values"):
                self._learn(schema.get(key), namespace)
            for field in schema.get("fields", []):
                self._learn(field["type"], namespace)
                field["within"] = namespace

    def _found(self, schema: Any) -> Any:
        if isinstance(schema, str) and schema not in _PRIMITIVES:
            return next(found for name, found in self._names.items() if name == schema or name.endswith(f".{schema}"))
        return schema

    def _column(self, schema: Any, value: Any) -> Any:
        branches = [one for one in schema if one != "null"] if isinstance(schema, list) else [schema]
        if value is None:
            return None
        kind = self._found(branches[0]) if len(branches) == 1 else None
        if kind is None and {str(one) for one in branches} in ({"int", "long"}, {"float", "double"}):
            return value
        word = kind if isinstance(kind, str) else kind["type"] if kind else "union"
        logical = kind.get("logicalType") if isinstance(kind, dict) else None
        if word in {"union", "array", "map", "record", "error"} or logical == "duration":
            return json.dumps(self._json(schema, value), sort_keys=True)
        exact = _exact(kind, logical, value)
        return exact if exact is not None else value

    def _json(self, schema: Any, value: Any) -> Any:
        if isinstance(schema, list):
            return self._json_union(schema, value)
        kind = self._found(schema)
        logical = kind.get("logicalType") if isinstance(kind, dict) else None
        word = kind if isinstance(kind, str) else kind["type"]
        if word == "array":
            return [self._json(kind["items"], one) for one in value]
        if word == "map":
            return {key: self._json(kind["values"], one) for key, one in value.items()}
        if word in {"record", "error"}:
            return {field["name"]: self._json(field["type"], value[field["name"]]) for field in kind["fields"]}
        if (exact := _exact(kind, logical, value)) is not None:
            return _shown(exact, str(logical))
        return base64.b64encode(value).decode() if word in {"bytes", "fixed"} else value

    def _json_union(self, schema: list[Any], value: Any) -> Any:
        branches = [one for one in schema if one != "null"]
        if value is None:
            return None
        if len(branches) == 1:
            return self._json(branches[0], value)
        [branch] = [one for one in branches if self._fits(one, value)][:1]
        kind = self._found(branch)
        called = kind if isinstance(kind, str) else kind.get("full", kind["type"])
        return {called: self._json(branch, value)}

    def _fits(self, schema: Any, value: Any) -> bool:
        kind = self._found(schema)
        word = kind if isinstance(kind, str) else kind["type"]
        kinds: dict[str, Any] = {
            "boolean": bool, "int": int, "long": int, "float": float, "double": float, "string": str, "enum": str,
            "bytes": bytes, "fixed": bytes, "array": list, "map": dict, "record": dict,
        }  # fmt: skip
        if not isinstance(value, kinds[word]) or isinstance(value, bool) is not (word == "boolean"):
            return False
        return word != "record" or {field["name"] for field in kind["fields"]} == set(value)


def _exact(kind: Any, logical: Any, value: Any) -> Any:
    """The value that a logical type stands for; None if it stands for itself."""
    if logical == "decimal":
        unscaled = int.from_bytes(value, "big", signed=True)
        return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -int(kind.get("scale", 0))))
    if logical == "date":
        return EPOCH.date() + dt.timedelta(days=value)
    if logical == "duration":
        return dict(zip(("months", "days", "millis"), struct.unpack("<III", value), strict=True))
    name, _, unit = (logical or "").rpartition("-")
    if unit in _SECOND and isinstance(value, int):
        micros = value * (1_000_000 // _SECOND[unit])
        return dt.timedelta(microseconds=micros) if name == "time" else EPOCH + dt.timedelta(microseconds=micros)
    return None


def _shown(exact: Any, logical: str) -> Any:
    digits = "milliseconds" if logical.endswith("millis") else "microseconds"
    if isinstance(exact, dt.datetime):
        return exact.isoformat("T", digits) + ("" if logical.startswith("local") else "Z")
    if isinstance(exact, dt.timedelta):
        return (EPOCH + exact).time().isoformat(digits)
    return exact if isinstance(exact, dict) else format(exact, "f") if isinstance(exact, Decimal) else exact.isoformat()


def _raw(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_raw(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _raw(value) for key, value in schema.items() if key not in {"logicalType", "default"}}
