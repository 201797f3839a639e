"""JSON Schema to Avro, rule by rule; every result is a schema for fastavro and for rtpipe, and the same on each run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.avro.type_reader import read_record
from avro_schemas.files.json_file import SchemaFileError
from avro_schemas.files.json_schema.names import clean
from avro_schemas.files.schema_files import FileSchema, SchemaFiles
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import SchemaError

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


PLAIN = [
    ({"type": "null"}, "null"),
    ({"type": "boolean"}, "boolean"),
    ({"type": "number", "minimum": 0}, "double"),
    ({"type": "integer"}, "long"),
    ({"type": "integer", "minimum": 0}, "long"),
    ({"type": "integer", "minimum": 0, "maximum": 2147483647}, "int"),
    ({"type": "integer", "exclusiveMinimum": -5, "maximum": 1 << 31}, "long"),
    (
        {"type": "integer", "maximum": (1 << 64) - 1},
        {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0},
    ),
    ({"type": "integer", "maximum": 10**70}, "string"),
    ({"type": "string"}, "string"),
    ({"type": "string", "maxLength": 64}, {"type": "string", "maxLength": 64}),
    ({"type": "string", "maxLength": 0}, "string"),
    ({"type": "string", "format": "date"}, "string"),
    ({"pattern": "^a"}, "string"),
    ({"const": 5}, "long"),
    ({"type": ["string", "null"]}, ["null", "string"]),
    ({"type": ["null", "integer", "number"]}, ["null", "long", "double"]),
    ({"type": "string", "nullable": True}, ["null", "string"]),
    ({"type": ["string"]}, "string"),
    ({}, "string"),
    (True, "string"),
    ({"type": "object"}, "string"),
    ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": "string"}),
    ({"items": {"type": "integer"}}, {"type": "array", "items": "long"}),
    ({"type": "array"}, {"type": "array", "items": "string"}),
    (
        {"type": "array", "items": [{"type": "string"}, {"type": "null"}]},
        {"type": "array", "items": ["null", "string"]},
    ),
    (
        {"prefixItems": [{"type": "boolean"}], "items": {"type": "integer"}},
        {"type": "array", "items": ["boolean", "long"]},
    ),
    ({"type": "object", "additionalProperties": {"type": "number"}}, {"type": "map", "values": "double"}),
    ({"patternProperties": {"^a": {"type": "number"}}}, {"type": "map", "values": "double"}),
    (
        {"patternProperties": {"^a": {"type": "number"}, "^b": {"type": "boolean"}}},
        {"type": "map", "values": ["double", "boolean"]},
    ),
    ({"enum": ["A", "B"]}, {"type": "enum", "name": "x", "symbols": ["A", "B"]}),
    ({"enum": ["A", None]}, ["null", {"type": "enum", "name": "x", "symbols": ["A"]}]),
    ({"enum": ["a b", "c"]}, "string"),
    ({"enum": [1, 2]}, "long"),
    ({"enum": [1, 2.5]}, "double"),
    ({"enum": [True]}, "boolean"),
    ({"enum": [1, "a"]}, "string"),
    ({"enum": []}, "null"),
    ({"type": "integer", "enum": [1, 2]}, "long"),
    ({"type": ["string", "null"], "enum": ["a b", None]}, ["null", "string"]),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ["null", "string"]),
    ({"anyOf": [{"type": "string"}, {"type": "string", "title": "the same"}]}, "string"),
    (
        {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 9}]},
        {"type": "string", "maxLength": 9},
    ),
    ({"oneOf": [{"type": "string", "maxLength": 5}, {"type": "string"}]}, "string"),
    (
        {"oneOf": [{"type": "boolean"}, {"oneOf": [{"type": "null"}, {"type": "number"}]}]},
        ["null", "boolean", "double"],
    ),
    ({"type": "string", "anyOf": [{"minLength": 1}, {"pattern": "x"}]}, "string"),
    ({"allOf": [{"type": "string"}, {"maxLength": 5}], "maxLength": 9}, {"type": "string", "maxLength": 5}),
    ({"allOf": [{"type": "number"}, {"type": "integer"}]}, "long"),
    (
        {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "null"}}]},
        {"type": "array", "items": ["null", "string"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "avro"), PLAIN)
def test_types(tmp_path: Path, schema: Any, avro: Any) -> None:
    assert type_of(tmp_path, schema) == avro


def test_formats_are_logical_types_on_request_alone(tmp_path: Path) -> None:
    properties = {word: {"type": "string", "format": word} for word in ("date", "date-time", "uuid", "email")}
    found = fields_of(tmp_path, properties, required=list(properties))
    assert {field["type"] for field in found.values()} == {"string"}
    found = fields_of(tmp_path, properties, required=list(properties), logical=True)
    assert [field["type"] for field in found.values()] == [
        {"type": "int", "logicalType": "date"},
        {"type": "long", "logicalType": "timestamp-micros"},
        {"type": "string", "logicalType": "uuid"},
        "string",
    ]


def test_what_is_not_required_is_nullable_with_a_default(tmp_path: Path) -> None:
    found = fields_of(tmp_path, {"a": {"type": "string", "description": "why"}, "b": False, "c": {"type": "null"}})
    assert found == {
        "a": {"name": "a", "type": ["null", "string"], "default": None, "doc": "why"},
        "c": {"name": "c", "type": "null", "default": None},
    }


def test_names_are_cleaned_and_the_original_is_kept(tmp_path: Path) -> None:
    found = fields_of(tmp_path, {"a-b": {"type": "string"}, "a_b": {"type": "string"}, "1": {}, "": {}})
    assert {name: field.get("jsonName") for name, field in found.items()} == {
        "a_b": "a-b",
        "a_b_2": "a_b",
        "_1": "1",
        "_": "",
    }


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"title": "Purchase Order"}, "Purchase_Order"),
        ({"title": "A whole sentence about what an order is and does"}, "order"),
        ({"$id": "https://example.com/user-profile.schema.json"}, "user_profile"),
        ({"$id": "https://example.com/1-0-0"}, "order"),
        ({"self": {"vendor": "com.x", "name": "ad_click"}, "title": "Click"}, "ad_click"),
        ({}, "order"),
    ],
)
def test_what_the_table_is_called(tmp_path: Path, document: Any, name: str) -> None:
    found = converted(tmp_path, {"type": "object", "properties": {"a": {"type": "string"}}, **document})
    assert (found.name, found.schema["name"]) == (name, name)


def test_nested_records_are_called_by_title_or_place(tmp_path: Path) -> None:
    inner: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
    found = fields_of(
        tmp_path,
        {
            "home": inner,
            "work": {**inner, "title": "Office"},
            "more": {"type": "array", "items": {"properties": {"home": inner}}},
            "any": {"oneOf": [inner, {**inner, "required": ["a"]}]},
        },
        required=["home", "work", "more", "any"],
    )
    assert found["home"]["type"]["name"] == "home"
    assert found["work"]["type"]["name"] == "Office"
    assert found["more"]["type"]["items"]["name"] == "more"
    assert found["more"]["type"]["items"]["fields"][0]["type"][1]["name"] == "more_home"
    assert [branch["name"] for branch in found["any"]["type"]] == ["any", "any_2"]


def test_what_avro_cannot_say_is_kept_in_the_doc_and_told(tmp_path: Path) -> None:
    document = {
        "$schema": DRAFT,
        "type": "object",
        "properties": {"a": {"type": "string", "description": "One.", "not": {"const": "x"}}, "b": {"const": "y"}},
        "if": {"required": ["a"]},
        "then": {"required": ["b"]},
        "additionalProperties": {"type": "string"},
    }
    found = converted(tmp_path, document)
    assert found.schema["fields"][0]["doc"] == 'One. [not: {"const": "x"}]'
    assert found.schema["fields"][1]["doc"] == '[const: "y"]'
    assert '[if: {"required": ["a"]}]' in found.schema["doc"]
    assert '[additionalProperties: {"type": "string"}]' in found.schema["doc"]
    assert "field 'a': `not` is only kept in the doc" in found.warnings
    assert len(found.warnings) == 5


def test_a_long_note_is_cut(tmp_path: Path) -> None:
    found = fields_of(tmp_path, {"a": {"type": "string", "enum": ["a b"] * 500}})
    assert len(found["a"]["doc"]) < 250
    assert found["a"]["doc"].endswith("...]")


def test_any_value_is_json_text(tmp_path: Path) -> None:
    found = converted(tmp_path, {"type": "object", "properties": {"a": {}}})
    assert found.schema["fields"][0]["doc"] == "[JSON text]"
    assert found.warnings == ("field 'a': of any type: its value must be written as JSON text",)


def test_all_of_is_one_record(tmp_path: Path) -> None:
    document = {
        "$schema": DRAFT,
        "title": "Pair",
        "description": "both",
        "allOf": [{"$ref": "#/definitions/A"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
        "definitions": {
            "A": {"title": "A", "properties": {"a": {"type": "string"}, "b": {"minimum": 0}}, "required": ["a"]}
        },
    }
    assert converted(tmp_path, document).schema == {
        "type": "record",
        "name": "Pair",
        "doc": "both",
        "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": "long"}],
    }


def test_one_of_beside_properties_is_a_union_of_whole_records(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
        "oneOf": [{"title": "Card", "properties": {"number": TEXT}}, {"properties": {"iban": TEXT}}],
    }
    card, other = type_of(tmp_path, schema)
    assert (card["name"], other["name"]) == ("Card", "x")
    assert [field["name"] for field in card["fields"]] == ["id", "number"]
    assert [field["name"] for field in other["fields"]] == ["id", "iban"]


def test_branches_that_only_restrict_make_no_union(tmp_path: Path) -> None:
    document = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    found = converted(tmp_path, document)
    assert [field["name"] for field in found.schema["fields"]] == ["a", "b"]
    assert "anyOf" in found.schema["doc"]


@pytest.mark.parametrize(
    ("document", "avro"),
    [
        ({"type": "string"}, "string"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"type": "map", "values": "long"}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, ["null", "string"]),
        ({"enum": ["A"]}, {"type": "enum", "name": "order_2", "symbols": ["A"]}),
    ],
)
def test_a_root_that_is_no_object_is_one_field(tmp_path: Path, document: Any, avro: Any) -> None:
    (field,) = converted(tmp_path, {"$schema": DRAFT, **document}).schema["fields"]
    assert (field["name"], field["type"]) == ("value", avro)


def test_a_type_called_like_one_of_avro(tmp_path: Path) -> None:
    inner = {"properties": {"array": {"properties": {"a": TEXT}}}}
    found = fields_of(tmp_path, {"string": inner, "x": {"oneOf": [{"type": "string"}, inner, {"items": TEXT}]}})
    assert found["string"]["type"][1]["name"] == "order_string"
    assert found["string"]["type"][1]["fields"][0]["type"][1]["name"] == "order_string_array"


def test_a_root_array_is_its_items(tmp_path: Path) -> None:
    items = {"type": "object", "properties": {"a": {"type": "string"}}}
    found = converted(tmp_path, {"$schema": DRAFT, "type": "array", "items": items})
    assert [field["name"] for field in found.schema["fields"]] == ["a"]
    assert "the document is an array" in found.warnings[0]


# -- references ------------------------------------------------------------------------------------------------------


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


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strin"}, "the type 'strin' is none of JSON Schema"),
        ({"type": ["string", {}]}, "is none of JSON Schema"),
        ({"type": 5}, "`type` may not be a number"),
        ({"properties": []}, "`properties` may not be an array"),
        ({"oneOf": {}}, "`oneOf` may not be an object"),
        ({"allOf": [{"properties": 1}]}, "`properties` may not be a number"),
        ({"enum": "a"}, "`enum` may not be a string"),
        ("x", "a schema is an object"),
        ({"allOf": [{"$ref": "#/properties/x"}, {"type": "object"}]}, "`allOf` contains itself"),
        ({"$ref": "#/properties/x", "maxLength": 5}, "itself"),
    ],
)
def test_what_is_no_json_schema(tmp_path: Path, schema: Any, said: str) -> None:
    answer = refusal(tmp_path, {"properties": {"x": schema}})
    assert "field 'x'" in answer
    assert said in answer


def nested(depth: int, key: str) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {"properties": {"x": schema}} if key == "properties" else {"items": schema}
    return schema


CHAIN = {str(number): {"$ref": f"#/d/{number + 1}", "type": "object"} for number in range(5_000)}
NEXT = [{"$ref": f"#/d/{number + 1}"} for number in range(60)]
DOUBLING = {str(number): {"anyOf": [{"items": one}, {"additionalProperties": one}]} for number, one in enumerate(NEXT)}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"properties": {f"p{number}": {} for number in range(1_001)}}, "1,001 properties; at most 1,000"),
        ({"allOf": [{"properties": {f"p{n}": {}}} for n in range(1_500)]}, "more than 1,000 in all parts"),
        ({"oneOf": [{"properties": {f"p{n}": {}}} for n in range(300)]}, "300 branches; at most 200"),
        (nested(60, "properties"), "more than 40 deep"),
        (nested(60, "items"), "more than 40 deep"),
        ({"properties": {"x": {"$ref": "#/d/0"}}, "d": {**CHAIN, "5000": {}}}, "too many to follow"),
        ({"properties": {"x": {"$ref": "#/d/0"}}, "d": {**DOUBLING, "60": {"type": "string"}}}, "more than"),
    ],
)
def test_documents_without_measure(tmp_path: Path, document: Any, said: str) -> None:
    assert said in refusal(tmp_path, document)


WORDS = st.sampled_from(["string", "object", "array", "null", "integer", "x", "#", "#/properties/x", "A", "other.json"])
PARTS = "type properties items allOf oneOf anyOf $ref required enum additionalProperties patternProperties $defs $id"
KEYS = st.sampled_from([*PARTS.split(), "const", "not", "x", "title", "maxLength", "minimum", "maximum", "nullable"])
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


@given(document=st.dictionaries(KEYS, SCHEMAS, max_size=5), logical=st.booleans())
def test_any_document_is_converted_or_refused(
    document: Any, logical: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        converted(folder, {"$schema": DRAFT, **document}, logical=logical)
    except SchemaError:
        return


@given(word=st.text(max_size=20))
def test_a_clean_name_is_a_name(word: str) -> None:
    name = clean(word)
    assert name.isidentifier()
    assert name.isascii()
