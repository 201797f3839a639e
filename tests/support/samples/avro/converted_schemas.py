"""JSON Schema documents of a test, converted; every result is a schema for fastavro and for rtpipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema

from avro_schemas.files.json_file import SchemaFileError
from avro_schemas.files.schema_files import FileSchema, SchemaFiles
from avro_schemas.tables.layout import table_layout

TEXT = {"type": "string"}


TEXTS = {"properties": {"text": {"type": "string"}}}


DRAFT = "http://json-schema.org/draft-07/schema#"


def converted(folder: Path, document: Any, *, logical: bool = False, name: str = "order.schema.json") -> FileSchema:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    (found,) = SchemaFiles([path], logical=logical).read(path)
    (again,) = SchemaFiles([path], logical=logical).read(path)
    assert json.dumps(found.schema) == json.dumps(again.schema)
    parse_schema(json.loads(json.dumps(found.schema)))
    table_layout(found.schema, table="t")
    return found


def fields_of(folder: Path, properties: Any, *, logical: Any = False, **more: Any) -> dict[str, Any]:
    document = {"$schema": DRAFT, "type": "object", "properties": properties, **more}
    found = converted(folder, document, logical=logical)
    return {field["name"]: field for field in found.schema["fields"]}


def type_of(folder: Path, schema: Any, *, logical: bool = False, **more: Any) -> Any:
    """The Avro type of one property that must be there."""
    return fields_of(folder, {"x": schema}, logical=logical, required=["x"], **more)["x"]["type"]


def refusal(folder: Path, document: Any) -> str:
    with pytest.raises(SchemaFileError) as caught:
        converted(folder, {"$schema": DRAFT, **document})
    assert "Traceback" not in str(caught.value)
    return str(caught.value)
