"""What is no JSON Schema, or one without measure: refused in words, whatever the document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpipe.errors import SchemaError
from tests.support.samples.avro.converted_schemas import DRAFT, converted, refusal


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
