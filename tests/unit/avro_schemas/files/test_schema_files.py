"""Files of every kind, told by what is in them; files that use each other's types; what is refused, and how."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from avro_schemas.files.file_kinds import FileKind
from avro_schemas.files.schema_files import SchemaFiles
from avro_schemas.files.schema_folder import files_of
from rtpipe.errors import SettingsError
from tests.support.samples.avro.schema_files import container, read, record, refusal, written

ORDER = record("com.exam.Order", id="string")


KINDS: dict[str, tuple[Any, FileKind | None, list[str]]] = {
    "a record": (ORDER, FileKind.AVRO, ["Order"]),
    "an error": ({**ORDER, "type": "error"}, FileKind.AVRO, ["Order"]),
    "an enum": ({"type": "enum", "name": "x.Suit", "symbols": ["A"]}, FileKind.AVRO, ["Suit"]),
    "an enum called value": ({"type": "enum", "name": "value", "symbols": ["A"]}, FileKind.AVRO, ["value"]),
    "a fixed": ({"type": "fixed", "name": "Mac", "size": 6}, FileKind.AVRO, ["Mac"]),
    "a word": ('"string"', FileKind.AVRO, ["my_topic"]),
    "a primitive": ({"type": "long", "logicalType": "timestamp-millis"}, FileKind.AVRO, ["my_topic"]),
    "an array type": ({"type": "array", "items": "string"}, FileKind.AVRO, ["my_topic"]),
    "a map": ({"type": "map", "values": "int"}, FileKind.AVRO, ["my_topic"]),
    "a union": (["null", "string"], FileKind.AVRO, ["my_topic"]),
    "a union with a record": (["null", ORDER], FileKind.AVRO, ["my_topic"]),
    "a union without a record": ([{"type": "fixed", "name": "a", "size": 1}], FileKind.AVRO, ["my_topic"]),
    "several records": ([ORDER, record("Line", order="com.exam.Order")], FileKind.AVRO, ["Order", "Line"]),
    "in any order": ([record("Line", order="com.exam.Order"), ORDER], FileKind.AVRO, ["Line", "Order"]),
    "with an enum": ([{"type": "enum", "name": "E", "symbols": ["A"]}, record("Line", e="E")], FileKind.AVRO, ["Line"]),
    "datasets": ([{"name": "d1", "fields": {"a": "int"}}], FileKind.DATASETS, ["d1"]),
    "JSON Schema": ({"type": "object", "properties": {"a": {"type": "string"}}}, FileKind.JSON_SCHEMA, ["my_topic"]),
    "JSON Schema by its $schema": ({"$schema": "x", "type": "string"}, FileKind.JSON_SCHEMA, ["my_topic"]),
    "Avro with a $schema": ({**ORDER, "$schema": "x"}, FileKind.AVRO, ["Order"]),
    "a container": (container(ORDER), None, ["Order"]),
    "a container of a union": (container(["null", ORDER]), None, ["my_topic"]),
    "a container of records": (container([ORDER, record("Line")]), None, ["my_topic"]),
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(ORDER).encode(), FileKind.AVRO, ["Order"]),
    "comments": (f'/* "free" */ // of\n{json.dumps(ORDER)}\n// "x', FileKind.AVRO, ["Order"]),
}


@pytest.mark.parametrize(("content", "kind", "names"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("ending", ["avsc", "json", "avro", "txt"])
def test_the_content_tells_the_kind(
    tmp_path: Path, content: Any, kind: FileKind | None, names: list[str], ending: str
) -> None:
    found = read(written(tmp_path / f"my topic.{ending}", content))
    assert [one.kind for one in found] == [kind] * len(names)
    assert [one.name for one in found] == names


def test_each_of_several_says_where_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path / "s.json", [ORDER, record("Line", a="int")])
    assert [one.where for one in read(path)] == [f"{path}: schema 1 (com.exam.Order)", f"{path}: schema 2 (Line)"]
    assert read(written(path, ORDER))[0].where == str(path)


def test_a_container_may_be_longer_than_what_is_read(tmp_path: Path) -> None:
    assert len(read(written(tmp_path / "big", container(ORDER) + b"x" * 2_000_000))) == 1


def test_properties_that_avro_does_not_know_are_left_alone(tmp_path: Path) -> None:
    schema = {**record("r", a={"type": "string", "arg.properties": {"options": [["a"], {}]}}), "connect.name": "r"}
    assert read(written(tmp_path / "r.avro", schema))[0].schema == schema


NOT_SCHEMAS: dict[str, tuple[Any, str]] = {
    "nothing": (b"", "it is empty"),
    "space": ("\n \n", "it is empty"),
    "rows": ([{"a": 1}], "JSON rows: an array of 1"),
    "numbers": ([1, 2], "JSON rows"),
    "a schema and a row": ([ORDER, {"a": 1}], "JSON rows"),
    "a row": ({"a": 1, "b": 2}, "no schema, a row perhaps: it has 'a', 'b', and no type"),
    "an empty object": ({}, "no keys"),
    "an empty array": ([], "an empty array"),
    "lines": ('{"a": 1}\n{"a": 2}\n', "JSON rows, one a line"),
    "a number": ("7", "a number, no schema"),
    "null": ("null", "null, no schema"),
    "a protocol": ({"protocol": "P", "types": []}, "an Avro protocol"),
    "a registry's answer": ({"subject": "s", "schema": "{}"}, "an answer of a registry"),
    "YAML that is no schema": ("name: x\nage: 7\n", "a JSON object that is no schema"),
    "IDL": ("@namespace('x') protocol P {}", "Avro IDL"),
    "XML": ("<a/>", "XML"),
    "Protocol Buffers": ('syntax = "proto3";', "Protocol Buffers"),
    "gzip": (gzip.compress(b"{}"), "a gzip file; unpack it"),
    "zip": (b"PK\x03\x04...", "a zip file"),
    "Parquet": (b"PAR1....", "a Parquet file"),
    "UTF-16": ('"string"'.encode("utf-16"), "UTF-16 text"),
    "binary": (b"\x01\x00\x02", "binary data"),
    "another container": (b"Obj\x02....", "a version that is not 1"),
}


@pytest.mark.parametrize(("content", "said"), NOT_SCHEMAS.values(), ids=NOT_SCHEMAS)
def test_what_is_no_schema_says_what_it_is_and_what_may_be(tmp_path: Path, content: Any, said: str) -> None:
    error = refusal(written(tmp_path / "a.avsc", content))
    assert said in str(error)
    assert "a schema file holds an Avro schema" in error.hint


BROKEN: dict[str, tuple[Any, str]] = {
    "an alias in YAML": ("$id: x\na: &b [1]\nc: *b\n", "an alias (*b)"),
    "broken YAML": ("$id: x\n  type: [object\n", "not YAML: line"),
    "deep YAML": ("$id: x\na: " + "[" * 5_000, "brackets inside one another"),
    "two documents of YAML": ("---\na: 1\n---\nb: 2\n", "YAML"),
    "not closed": ('{"type": "record"', "not JSON: line 1, column 18"),
    "text": ("hello", "not JSON: line 1, column 1"),
    "Latin-1": (b'"\xe9"', "not UTF-8 text: byte 1 is 0xe9"),
    "NaN": ('{"type": "record", "name": NaN}', "NaN is no JSON number"),
    "half a character": ('{"type": "record", "name": "\\ud800"}', "half a character"),
    "deep": ("[" * 300 + "]" * 300, "more than 200 arrays and objects"),
    "far too deep": ("[" * 100_000, "arrays and objects are nested too deep"),
    "large": (b"{" + b" " * 1_000_000, "more than 1,000,000 bytes"),
    "a header that ends": (container(ORDER)[:40], "header is corrupt"),
    "a header without a sync marker": (container(ORDER)[:-8], "the sync marker at byte"),
    "a header without a schema": (b"Obj\x01" + b"\x00" * 17, "there is no avro.schema"),
    "a header with a number without end": (b"Obj\x01" + b"\xff" * 30, "has no end"),
    "a header with a negative length": (b"Obj\x01\x02\x01" + b"\x00" * 30, "has -1 bytes"),
    "a header in Latin-1": (b"Obj\x01\x02\x02\xe9" + b"\x00" * 30, "header is corrupt"),
    "a header whose schema is no JSON": (
        b"Obj\x01\x02\x16avro.schema\x02{\x00" + b"\x00" * 16,
        "not JSON: line 1, column 2",
    ),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_says_where(tmp_path: Path, content: Any, said: str) -> None:
    assert said in str(refusal(written(tmp_path / "a.avsc", content)))


INVALID: dict[str, tuple[Any, str]] = {
    "an unknown word": ('"strin"', "unknown type 'strin'"),
    "a type of its own wrapper": ('"value"', "unknown type 'value'"),
    "an unknown type": (record("r", a="strin"), "field 'a': unknown type 'strin'"),
    "deep inside": (
        record("r", a={"type": "array", "items": record("q", b={"type": "map"})}),
        "field 'a', items, record q, field 'b'",
    ),
    "a default": (
        {**record("r"), "fields": [{"name": "a", "type": "int", "default": "1"}]},
        "field 'a': the default '1'",
    ),
    "aliases": ({**record("r"), "aliases": "q"}, "`aliases` is an array"),
    "a name that is none": (record("a-b"), "the name 'a-b'"),
    "a name as an array": ({"type": "record", "name": [], "fields": []}, "the name []"),
    "a type as an array": ({"type": ["null", "int"], "name": "x"}, "a type is a name"),
    "a field without a name": ({"type": "record", "name": "r", "fields": [{"name": []}]}, "field 1 has no name"),
    "a dataset": ([{"name": "d1", "fields": {"a": "strin"}}], "did you mean 'string'"),
    "one of several": ([ORDER, record("Line", a="x")], "schema 2 (Line): field 'a': unknown type 'x'"),
    "two of one name": ([ORDER, record("Order")], "the name 'Order' is there twice"),
    "used before it stands there": (
        record("r", a="E", b={"type": "enum", "name": "E", "symbols": ["A"]}),
        "field 'a': unknown type 'E'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), INVALID.values(), ids=INVALID)
def test_what_avro_forbids_names_the_place(tmp_path: Path, content: Any, said: str) -> None:
    assert said in str(refusal(written(tmp_path / "a.avsc", content)))


def test_all_invalid_schemas_of_a_file_at_once_but_not_without_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.avsc", [record(f"r{number}", a="x") for number in range(200)])
    assert len(refusal(path).problems) == 50


def test_keys_that_are_there_twice_are_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path / "a.avsc", '{"type": "record", "name": "r", "doc": "a", "doc": "b", "fields": []}')
    assert read(path)[0].warnings == ("the key 'doc' is there twice; only the last one counts",)


@pytest.mark.parametrize(
    "rows",
    [
        [{"name": "Bob", "age": 3}, {"name": "Al", "age": 4}],
        [{"name": "Bob", "values": {"a": 1}}],
        [{"name": "Bob", "file": "x"}, {"age": 4}],
        [{"type": "click", "user": 7}, {"type": "view", "user": 8}],
        [{"name": "Bob", "type": "person", "id": 5}],
        {"name": "Bob", "age": 3},
        {"type": "click", "user": 7},
    ],
)
def test_rows_are_called_rows(tmp_path: Path, rows: Any) -> None:
    said = str(refusal(written(tmp_path / "a.json", rows)))
    assert "row" in said
    assert "dataset" not in said


@pytest.mark.parametrize(
    "datasets", [[{"name": "a"}], [{"name": "a", "field": {"x": "int"}}], [{"fields": {"x": "int"}}]]
)
def test_datasets_with_a_mistake_are_called_datasets(tmp_path: Path, datasets: Any) -> None:
    assert "dataset" in str(refusal(written(tmp_path / "a.json", datasets)))


def test_the_schema_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.avsc", "a.json", "in/c.YAML", "in/notes.txt", ".git/d.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    single = tmp_path / "in" / "notes.txt"
    found = files_of([single, tmp_path])
    assert found == [single, tmp_path / "a.json", tmp_path / "b.avsc", tmp_path / "in" / "c.YAML"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SettingsError, match="no schema file in it"):
        files_of([empty])


@pytest.mark.parametrize("name", ["none.avsc", ".", "a" * 300, "order.avsc/x"])
def test_what_cannot_be_read(tmp_path: Path, name: str) -> None:
    written(tmp_path / "order.avsc", ORDER)
    with pytest.raises(SettingsError) as caught:
        SchemaFiles([tmp_path / name]).read(tmp_path / name)
    assert str(tmp_path) in str(caught.value)
