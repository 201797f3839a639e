"""Schema files of a test: written, read, refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from avro_schemas.files.json_file import SchemaFileError
from avro_schemas.files.schema_files import FileSchema, SchemaFiles
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import ExitCode


def record(name: str, /, **fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": field, "type": avro} for field, avro in fields.items()]}


def written(path: Path, content: Any) -> Path:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(path: Path, *more: Path) -> list[FileSchema]:
    found = SchemaFiles([path, *more]).read(path)
    for one in found:
        fastavro.parse_schema(json.loads(json.dumps(one.schema)))
        table_layout(one.schema, table="t")
    return found


def refusal(path: Path, *more: Path) -> SchemaFileError:
    with pytest.raises(SchemaFileError) as caught:
        SchemaFiles([path, *more]).read(path)
    assert caught.value.exit_code is ExitCode.SCHEMA_REFUSED
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.hint
    return caught.value


def container(schema: Any) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), [])
    return out.getvalue()
