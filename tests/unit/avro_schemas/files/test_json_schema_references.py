"""References of JSON Schema: named types, circles, pointers, ids and other files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from avro_schemas.avro.type_reader import read_record
from avro_schemas.files.json_file import SchemaFileError
from avro_schemas.files.schema_files import SchemaFiles
from tests.support.samples.avro.converted_schemas import DRAFT, TEXT, TEXTS, converted, fields_of, refusal


def test_references_are_named_types_and_may_go_in_a_circle(tmp_path: Path) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/definitions/Node"}, "all": {"$ref": "#"}}}
    found = fields_of(
        tmp_path, {"a": {"$ref": "#/definitions/Node"}, "b": {"$ref": "#/definitions/Node"}}, definitions={"Node": node}
    )
    assert found["a"]["type"][1]["name"] == "Node"
    assert found["a"]["type"][1]["fields"][0]["type"] == ["null", "Node"]
    assert found["a"]["type"][1]["fields"][1]["type"] == ["null", "order"]
    assert found["b"]["type"] == ["null", "Node"]


def test_a_circle_through_a_union_and_through_all_of(tmp_path: Path) -> None:
    expression = {"oneOf": [{"type": "number"}, {"type": "object", "properties": {"left": {"$ref": "#/$defs/E"}}}]}
    both = {"allOf": [{"properties": {"me": {"$ref": "#/$defs/B"}}}, {"properties": {"a": {"type": "string"}}}]}
    found = fields_of(
        tmp_path, {"e": {"$ref": "#/$defs/E"}, "b": {"$ref": "#/$defs/B"}}, **{"$defs": {"E": expression, "B": both}}
    )
    assert found["e"]["type"][2]["fields"][0]["type"] == ["null", "double", "E"]
    assert found["b"]["type"][1]["fields"][0]["type"] == ["null", "B"]


BASE = {"type": "object", "properties": {"id": {"type": "integer"}, "child": {"$ref": "#/$defs/Base"}}}


@pytest.mark.parametrize(
    "derived",
    [
        {"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"child": {"$ref": "#/$defs/Derived"}}}]},
        {"$ref": "#/$defs/Base", "properties": {"child": {"$ref": "#/$defs/Derived"}, "more": TEXT}},
        {"allOf": [{"$ref": "#/$defs/Middle"}, {"properties": {"child": {"$ref": "#/$defs/Derived"}}}]},
        {
            "allOf": [
                {"$ref": "#/$defs/Base"},
                {"properties": {"child": {"allOf": [{"$ref": "#/$defs/Derived"}, TEXTS]}}},
            ]
        },
        {"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"all": {"items": {"$ref": "#/$defs/Derived"}}}}]},
    ],
)
def test_a_circle_that_merges_a_field_with_itself_at_each_turn(tmp_path: Path, derived: Any) -> None:
    """Each turn would give another type with one part more, without end."""
    middle = {"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"child": {"$ref": "#/$defs/Middle"}}}]}
    defined = {"Base": BASE, "Derived": derived, "Middle": middle}
    found = fields_of(tmp_path, {"d": {"$ref": "#/$defs/Derived"}}, **{"$defs": defined})
    assert len(json.dumps(found)) < 2_000
    assert read_record({"type": "record", "name": "R", "fields": [*found.values()]}).recursive


def test_an_all_of_of_a_reference_and_words_about_it_is_that_type(tmp_path: Path) -> None:
    item = {"allOf": [{"$ref": "#"}, {"description": "one of many"}]}
    found = fields_of(tmp_path, {"all": {"type": "array", "items": item}})
    assert found["all"]["type"][1]["items"] == "order"


def test_references_to_files_below_a_root(tmp_path: Path) -> None:
    for folder in ("core", "app", "root/app", "root/core"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "root/core/x.json").write_text(json.dumps({"title": "X", "properties": {"v": TEXT}}))
    (tmp_path / "core/x.json").write_text("{}")
    path = tmp_path / "root/app/y.json"
    path.write_text(json.dumps({"title": "Y", "properties": {"x": {"$ref": "../core/x.json"}}}))
    with pytest.raises(SchemaFileError, match="leads out of the folder") as caught:
        SchemaFiles([path]).read(path)
    assert "--root" in caught.value.hint
    (found,) = SchemaFiles([path], roots=[tmp_path / "root"]).read(path)
    assert found.schema["fields"][0]["type"][1]["name"] == "X"
    path.write_text(json.dumps({"title": "Y", "properties": {"x": {"$ref": "../../core/x.json"}}}))
    with pytest.raises(SchemaFileError, match="leads out of the folder"):
        SchemaFiles([path], roots=[tmp_path / "root"]).read(path)


@pytest.mark.parametrize("word", ["definitions", "$defs"])
def test_definitions_alone_give_no_table(tmp_path: Path, word: str) -> None:
    document = {
        "$id": "https://example.com/types.json",
        "description": "Types.",
        word: {"Address": TEXTS, "Name": TEXT},
    }
    said = refusal(tmp_path, document)
    assert f"it only defines types ({word}/Address, {word}/Name)" in said
    assert converted(tmp_path, {"$schema": DRAFT, **document, "$ref": f"#/{word}/Address"}).schema["name"] == "types"


def test_a_circle_without_an_object_is_json_text(tmp_path: Path) -> None:
    tree = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    found = converted(
        tmp_path, {"type": "object", "properties": {"t": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree}}
    )
    assert found.schema["fields"][0]["type"] == ["null", {"type": "array", "items": "string"}]
    assert "contains itself without an object between" in found.warnings[0]


def test_words_beside_a_reference(tmp_path: Path) -> None:
    address = {"type": "object", "properties": {"city": {"type": "string"}}}
    found = fields_of(
        tmp_path,
        {
            "a": {"$ref": "#/$defs/Address", "description": "home"},
            "b": {"allOf": [{"$ref": "#/$defs/Address"}], "description": "work"},
            "c": {"$ref": "#/$defs/Address", "properties": {"zip": {"type": "string"}}},
        },
        **{"$defs": {"Address": address}},
    )
    assert (found["a"]["doc"], found["b"]["doc"]) == ("home", "work")
    assert found["b"]["type"] == ["null", "Address"]
    assert [field["name"] for field in found["c"]["type"][1]["fields"]] == ["city", "zip"]


def test_pointers_anchors_and_ids(tmp_path: Path) -> None:
    definitions = {
        "a/b": {"type": "string", "maxLength": 1},
        "c": {"$anchor": "here", "type": "string", "maxLength": 2},
        "d": {
            "$id": "other.json",
            "properties": {"x": {"$ref": "#/$defs/e"}},
            "$defs": {"e": {"type": "null"}},
        },
        "default": {"$ref": "#/$defs/c"},
    }
    found = fields_of(
        tmp_path,
        {
            "a": {"$ref": "#/$defs/a~1b"},
            "b": {"$ref": "#here"},
            "c": {"$ref": "other.json"},
            "d": {"$ref": "other.json#/$defs/e"},
            "e": {"$ref": "#/$defs/default"},
            "f": {"$ref": "https://example.com/other.json"},
        },
        required=list("abcdef"),
        **{"$defs": definitions, "$id": "https://example.com/order.json"},
    )
    types = [field["type"] for field in found.values()]
    assert [types[0]["maxLength"], types[1]["maxLength"], types[4]["maxLength"]] == [1, 2, 2]
    assert types[2]["fields"] == [{"name": "x", "type": "null", "default": None}]
    assert types[3] == "null"
    assert types[5] == types[2]["name"]


def test_files_beside_it_and_files_that_are_given(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "address.json").write_text(
        json.dumps({"$defs": {"A": {"type": "object", "properties": {"zip": {"$ref": "../zip.json"}}}}})
    )
    (tmp_path / "zip.json").write_text('{"$schema": "x", "type": "string", "maxLength": 9}')
    found = fields_of(tmp_path, {"a": {"$ref": "sub/address.json#/$defs/A"}})
    assert found["a"]["type"][1]["fields"][0]["type"] == ["null", {"type": "string", "maxLength": 9}]

    given, user = tmp_path / "given.json", tmp_path / "user.json"
    given.write_text('{"$id": "https://example.com/facet.json", "$defs": {"F": {"type": "integer"}}}')
    user.write_text('{"properties": {"f": {"$ref": "https://example.com/facet.json#/$defs/F"}}}')
    (schema,) = SchemaFiles([user, given]).read(user)
    assert schema.schema["fields"][0]["type"] == ["null", "long"]
    with pytest.raises(
        SchemaFileError, match=r"'https://example\.com/facet\.json#/\$defs/F'.* nothing is fetched"
    ) as caught:
        SchemaFiles([user]).read(user)
    assert "give it, too" in caught.value.hint


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("#/properties/none", "points at nothing: there is no 'none'"),
        ("#/properties/x/type", "points at no schema"),
        ("#none", "no anchor 'none'"),
        ("none.json", "there is no file"),
        ("n" * 5000, "there is no file"),
        ("a%00b", "no"),
        ("../outside.json", "leads out of the folder"),
        ("link/outside.json", "leads out of the folder"),
        ("/etc/passwd", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("https://example.com/x.json", "nothing is fetched"),
        ("http://[", "is no reference"),
    ],
)
def test_references_to_what_is_not_there(tmp_path: Path, reference: str, said: str) -> None:
    (tmp_path / "outside.json").write_text('{"type": "string"}')
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    answer = refusal(folder, {"properties": {"x": {"type": "string"}, "y": {"$ref": reference}}})
    assert f"field 'y': $ref {reference!r}" in answer or reference == "a%00b"
    assert said in answer
