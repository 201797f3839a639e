"""Whatever is in a file: it is read, or refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.files.schema_files import SchemaFiles
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import SchemaError
from tests.support.samples.avro.schema_files import record, written

KEYS = st.sampled_from(
    ["type", "name", "namespace", "fields", "items", "values", "symbols", "size", "default", "aliases"]
)


WORDS = st.sampled_from(
    ["record", "enum", "fixed", "array", "map", "string", "int", "null", "r", "value", "x.y", "", "error"]
)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(-1e9, 1e9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


FULL = [
    {
        "type": "record", "name": "r", "namespace": "x", "aliases": ["q"], "doc": "d",
        "fields": [
            {"name": "a", "type": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B"]}], "default": None},
            {"name": "b", "type": {"type": "array", "items": {"type": "map", "values": ["int", "x.E", "r"]}}},
            {"name": "c", "type": {"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}},
            {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9}, "default": "a"},
        ],
    },
    record("q", a="x.r", b="string"),
]  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@given(data=st.data())
def test_a_schema_changed_at_random_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = json.loads(json.dumps(data.draw(st.sampled_from([FULL, FULL[0], [FULL[0]], FULL[1]]))))
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(document)
        holder, key = found[data.draw(st.integers(0, len(found) - 1))]
        if data.draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = data.draw(JSON)
        if not document:
            break
    check(tmp_path_factory.getbasetemp() / "changed.avsc", document)


@given(document=JSON)
def test_any_json_is_read_or_refused(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(tmp_path_factory.getbasetemp() / "any.avsc", document)


@given(raw=st.binary(max_size=60), beginning=st.sampled_from([b"", b"Obj\x01", b'{"', b"Obj\x01\x04\x14avro.codec"]))
def test_any_bytes_are_read_or_refused(raw: bytes, beginning: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(tmp_path_factory.getbasetemp() / "bytes.avro", beginning + raw)


def check(path: Path, content: Any) -> None:
    try:
        for found in SchemaFiles([written(path, content if isinstance(content, bytes) else json.dumps(content))]).read(
            path
        ):
            table_layout(found.schema, table="t")
    except SchemaError:
        return
