"""JSON Schema to Avro, rule by rule; every result is a schema for fastavro and for rtpipe, and the same on each run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.files.json_schema.names import clean
from tests.support.samples.avro.converted_schemas import DRAFT, TEXT, converted, fields_of, type_of

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


@given(word=st.text(max_size=20))
def test_a_clean_name_is_a_name(word: str) -> None:
    name = clean(word)
    assert name.isidentifier()
    assert name.isascii()
