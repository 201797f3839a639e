"""Names that Avro forbids: one rule, told with its place wherever a schema comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from avro_schemas.avro.names import forbidden_names
from avro_schemas.files.schema_files import SchemaFiles
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import SchemaError


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Row", "fields": list(fields), **more}


def field(name: str = "a", kind: Any = "int", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


INNER = {"type": "record", "name": "In", "fields": []}
FORBIDDEN = [
    (record(namespace="com exam"), "record Row: Avro forbids the namespace 'com exam'"),
    (record(namespace="com..exam"), "record Row: Avro forbids the namespace 'com..exam'"),
    (record(namespace=".exam"), "record Row: Avro forbids the namespace '.exam'"),
    (record(namespace="com.1exam"), "record Row: Avro forbids the namespace 'com.1exam'"),
    (record(name="com exam.Row"), "record com exam.Row: Avro forbids the namespace 'com exam'"),
    (record(name=".Row", namespace="x"), ""),
    (record(name="a..Row"), "record a..Row: Avro forbids the namespace 'a.'"),
    (record(name="com.exam.Job$.Row"), "Avro forbids the namespace 'com.exam.Job$'"),
    (record(aliases=["a-b"]), "record Row: Avro forbids the alias 'a-b'"),
    (record(field("1a")), "field '1a': Avro forbids the name"),
    (record(field("a-b")), "field 'a-b': Avro forbids the name"),
    (record(field("a b")), "field 'a b': Avro forbids the name"),
    (record(field("a.b")), "field 'a.b': Avro forbids the name"),
    (record(field("é")), "field 'é': Avro forbids the name"),
    (record(field(aliases=["2"])), "field 'a': Avro forbids the alias '2'"),
    (record(field("m", {"type": "map", "values": ["null", INNER | {"fields": [field("7")]}]})),
     "field 'm', values, branch 2, record In, field '7': Avro forbids the name"),
    (record(field("x", {"type": "enum", "name": "E", "namespace": "a-b", "symbols": ["A"]})),
     "field 'x', enum E: Avro forbids the namespace 'a-b'"),
    (record(field("x", {"type": "fixed", "name": "F", "size": 1, "aliases": ["b.", "c.D"]})),
     "field 'x', fixed F: Avro forbids the alias 'b.'"),
    (record(namespace="com.exam_1"), ""),
    (record(namespace="", aliases=["old.Row"]), ""),
    (record(field("_a1", aliases=["b"])), ""),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "said"), FORBIDDEN)
def test_what_avro_forbids_is_read_and_told(tmp_path: Path, schema: Any, said: str) -> None:
    """The same words for a schema of a registry, which the layout reads, and for one in a file."""
    path = tmp_path / "row.avsc"
    path.write_text(json.dumps(schema))
    layout, (found,) = table_layout(schema, table="t"), SchemaFiles([path]).read(path)
    told = [warning for warning in layout.warnings if "Avro forbids" in warning]
    assert told == [warning for warning in found.warnings if "Avro forbids" in warning]
    assert len(told) == bool(said)
    assert said in "".join(told)


@pytest.mark.parametrize(
    "schema",
    [
        record(name="a-b"),
        record(name="1a"),
        record(name="a."),
        record(field("x", INNER | {"name": "a b"})),
        record(field("x", {"type": "fixed", "name": "2d", "size": 1})),
        record(field("x", {"type": "enum", "name": "E-1", "symbols": ["A"]})),
        record(field("x", {"type": "enum", "name": "E", "symbols": ["1A"]})),
        record(field("x", {"type": "enum", "name": "E", "symbols": ["A\n"]})),
    ],
)
def test_types_and_symbols_are_refused_wherever_they_come_from(tmp_path: Path, schema: Any) -> None:
    path = tmp_path / "row.avsc"
    path.write_text(json.dumps(schema))
    for read in (lambda: table_layout(schema, table="t"), lambda: SchemaFiles([path]).read(path)):
        with pytest.raises(SchemaError, match="no digit first"):
            read()


def test_a_hundred_names_are_told_in_a_few_words() -> None:
    found = forbidden_names(record(*(field(f"{number}") for number in range(100))))
    assert len(found) == 21
    assert found[-1] == "and 80 more names that Avro forbids"
