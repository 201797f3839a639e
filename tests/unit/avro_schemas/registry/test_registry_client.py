"""Schemas of a registry that refer to others of it, from a client that answers out of a dict."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka.schema_registry import RegisteredSchema, Schema, SchemaReference
from confluent_kafka.schema_registry.error import SchemaRegistryError
from fastavro import parse_schema

from avro_schemas.registry import documents
from avro_schemas.registry.client import Registry
from avro_schemas.registry.errors import SchemaNotFoundError, explained
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import NotAvroError, SchemaError, UnreachableError


@dataclass
class FakeClient:
    """Version 1 of each subject; schema id 7 is that of `top`."""

    subjects: dict[str, Schema]

    def get_schema(self, schema_id: int) -> Schema:
        assert schema_id == 7
        return self.subjects["top"]

    def get_latest_version(self, subject: str) -> RegisteredSchema:
        return self.get_version(subject, 1)

    def clear_latest_caches(self) -> None:
        pass

    def get_version(self, subject: str, version: int) -> RegisteredSchema:
        assert version == 1
        if subject not in self.subjects:
            raise SchemaRegistryError(404, 40401, f"Subject '{subject}' not found.")
        return RegisteredSchema(subject, 1, 7, None, self.subjects[subject])


def record(name: str, /, **fields: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "namespace": "com.exam",
        "fields": [{"name": field, "type": avro} for field, avro in fields.items()],
    }


def schema(document: Any, *subjects: str) -> Schema:
    references = [SchemaReference(f"com.exam.{name}", name, 1) for name in subjects]
    return Schema(json.dumps(document), "AVRO", references)


def registry(**subjects: Schema) -> Registry:
    opened = Registry("http://h:8081")
    opened.close()
    opened._client = FakeClient(subjects)  # type: ignore[assignment]
    return opened


def test_what_a_schema_refers_to_stands_in_it_where_it_is_used_first() -> None:
    found = registry(
        top=schema(record("Order", buyer="Person", home="Address", other="com.exam.Address"), "Person", "Address"),
        Person=schema(record("Person", name="string", home=["null", "Address"]), "Address"),
        Address=schema(record("Address", city="string")),
    ).schema_by_id(7)
    buyer, home, other = found["fields"]
    assert buyer["type"]["name"] == "Person"
    assert buyer["type"]["fields"][1]["type"][1]["name"] == "Address"
    assert (home["type"], other["type"]) == ("Address", "com.exam.Address")
    assert [shape.name for shape in table_layout(found, table="t").columns] == ["buyer", "home", "other"]
    parse_schema(found)


def test_types_of_another_namespace_and_of_none() -> None:
    person = {"type": "record", "name": "Person", "fields": [{"name": "mac", "type": "org.Mac"}]}
    found = registry(
        top=schema(record("Order", a="Person", b="org.Mac"), "Person"),
        Person=schema(person, "Mac"),
        Mac=schema({"type": "fixed", "name": "org.Mac", "size": 6}),
    ).schema_by_id(7)
    assert found["fields"][0]["type"] == {
        "type": "record",
        "name": "Person",
        "namespace": "",
        "fields": [{"name": "mac", "type": {"type": "fixed", "name": "Mac", "namespace": "org", "size": 6}}],
    }
    table_layout(found, table="t")
    parse_schema(found)


def test_references_in_a_circle_and_twice_the_same() -> None:
    found = registry(
        top=schema(record("A", b=["null", "B"]), "b", "b"),
        b=schema(record("B", a=["null", "A"], c=["null", "C"]), "top", "c"),
        c=schema(record("C", b=["null", "B"]), "b"),
    ).schema_by_id(7)
    table_layout(found, table="t")
    parse_schema(found)


def test_a_union_of_referred_records_is_one_column() -> None:
    opened = registry(
        top=schema(["com.exam.A", "com.exam.B"], "a", "b"),
        a=schema(record("A", x="int")),
        b=schema(record("B", x="int")),
    )
    assert [shape.name for shape in table_layout(opened.schema_by_id(7), table="t").columns] == ["value"]
    assert opened.latest("top")[1] == opened.schema_by_id(7)


@pytest.mark.parametrize("document", ["string", ["null", "string"], {"type": "map", "values": "int"}])
def test_a_schema_that_is_no_record(document: Any) -> None:
    found = registry(top=schema(document)).schema_by_id(7)
    assert found == document
    assert len(table_layout(found, table="t").columns) == 1


@pytest.mark.parametrize("text", ["null", "7", "true"])
def test_what_is_no_schema(text: str) -> None:
    with pytest.raises(SchemaError, match=r"schema id 7 at http://h:8081 is .*, no Avro schema"):
        registry(top=Schema(text, "AVRO")).schema_by_id(7)


def test_a_subject_that_is_gone_is_named_with_who_needs_it() -> None:
    with pytest.raises(SchemaNotFoundError, match="version 1 of gone, to which schema id 7 refers"):
        registry(top=schema(record("A", b="B"), "gone")).schema_by_id(7)


def test_a_type_that_no_reference_defines_is_refused_by_name() -> None:
    found = registry(top=schema(record("A", b="B"), "c"), c=schema(record("C"))).schema_by_id(7)
    with pytest.raises(SchemaError, match="field 'b': unknown type 'B'"):
        table_layout(found, table="t")


def test_a_reference_to_json_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"version 1 of c, to which schema id 7 refers, .* is JSON"):
        registry(top=schema(record("A"), "c"), c=Schema("{}", "JSON")).schema_by_id(7)


def test_references_without_end_and_too_much_text() -> None:
    chain = {f"s{number}": schema(record(f"R{number}"), f"s{number + 1}") for number in range(300)}
    with pytest.raises(SchemaError, match="refers to more than 200 other schemas"):
        registry(top=schema(record("A"), "s0"), **chain).schema_by_id(7)
    large = {name: schema(record(name, x="int") | {"doc": "x" * 600_000}) for name in ("a", "b")}
    with pytest.raises(SchemaError, match=r"characters, .* is the most"):
        registry(top=schema(record("A"), "a", "b"), **large).schema_by_id(7)
    assert documents._LARGEST_SCHEMA == 1_000_000


def test_types_that_stand_deeper_in_each_other_than_any_table_can_hold() -> None:
    chain = {f"R{number}": schema(record(f"R{number}", x=f"R{number + 1}"), f"R{number + 1}") for number in range(150)}
    found = registry(top=schema(record("A", x="R0"), "R0"), **chain, R150=schema(record("R150"))).schema_by_id(7)
    with pytest.raises(SchemaError, match="more than 40 deep"):
        table_layout(found, table="t")


@pytest.mark.parametrize("kind", ["PROTOBUF", "JSON"])
def test_a_schema_of_another_language_is_named(kind: str) -> None:
    with pytest.raises(NotAvroError, match=f"schema id 7 at .* is {kind}, rtpipe reads AVRO") as caught:
        registry(top=Schema("syntax", kind)).schema_by_id(7)
    assert "Avro serializer" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"type": ', "is no JSON: line 1, column 10: Expecting value"),
        ("[" * 100_000, "is no JSON: arrays and objects are nested too deep"),
        ("1" * 5_000, "is no JSON: a number of more than 4,300 digits"),
    ],
    ids=["cut off", "deep", "long number"],
)
def test_what_is_no_json_is_told_in_words(text: str, why: str) -> None:
    with pytest.raises(SchemaError) as caught:
        registry(top=Schema(text, "AVRO")).schema_by_id(7)
    assert caught.value.message.endswith(why)


@pytest.mark.parametrize("name", ["ReadTimeout", "PoolTimeout", "RemoteProtocolError", "ReadError"])
def test_a_client_that_says_nothing_is_told_of_in_words(name: str) -> None:
    told = explained(type(name, (Exception,), {})(""), "http://h:8081", "asking")
    said = "no answer in time" if name.endswith("Timeout") else "the connection ended without an answer"
    assert isinstance(told, UnreachableError)
    assert told.message == f"no schema registry answers at http://h:8081: {said} (asking)"
