import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka.schema_registry import ConfigCompatibilityLevel, Schema, SchemaReference, ServerConfig

from avro_schemas.registry.client import Registry
from avro_schemas.registry.errors import SchemaNotFoundError
from avro_schemas.tables.layout import table_layout
from infra.stack.state import Addresses
from rtpipe.errors import SchemaError, SettingsError, UnreachableError


def schema(*fields: tuple[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "r",
        "namespace": "com.exam",
        "fields": [{"name": name, "type": avro_type} for name, avro_type in fields],
    }


@pytest.fixture
def registry(stack: Addresses) -> Iterator[Registry]:
    with closing(Registry(stack.schema_registry_url)) as opened:
        yield opened


@pytest.fixture
def subject() -> str:
    return f"test_{uuid.uuid4().hex}-value"


def test_a_schema_comes_back_by_id_and_by_subject(registry: Registry, subject: str) -> None:
    registry.check()
    one = schema(("a", "int"), ("b", {"type": "string", "maxLength": 64}))
    assert registry.find(subject, one) is None
    assert registry.accepts(subject, one)
    schema_id = registry.register(subject, one)
    assert registry.register(subject, one) == schema_id == registry.find(subject, one)
    assert registry.schema_by_id(schema_id) == one
    assert registry.schema_by_id(schema_id) is registry.schema_by_id(schema_id)
    assert registry.latest(subject) == (schema_id, one)


def test_latest_sees_a_version_that_somebody_else_registered(
    stack: Addresses, registry: Registry, subject: str
) -> None:
    old, new = schema(("a", "int")), schema(("a", "int"), ("b", "int"))
    registry.register(subject, old)
    assert registry.latest(subject)[1] == old
    with closing(Registry(stack.schema_registry_url)) as another:
        another.register(subject, new)
    assert registry.latest(subject)[1] == new


def test_what_is_not_there(registry: Registry, subject: str) -> None:
    with pytest.raises(SchemaNotFoundError, match=subject):
        registry.latest(subject)
    with pytest.raises(SchemaError, match="2000000000"):
        registry.schema_by_id(2_000_000_000)


def test_an_incompatible_schema_is_refused_with_the_registrys_reason(registry: Registry, subject: str) -> None:
    registry.register(subject, schema(("a", "int")))
    registry._client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.BACKWARD))
    other = schema(("a", "int"), ("b", "string"))
    assert not registry.accepts(subject, other)
    with pytest.raises(SchemaError, match="incompatible") as caught:
        registry.register(subject, other)
    assert subject in str(caught.value)
    assert registry.accepts(subject, schema(("a", "long")))


def test_an_invalid_schema_is_refused(registry: Registry, subject: str) -> None:
    with pytest.raises(SchemaError, match="invalid"):
        registry.register(subject, {"type": "record", "name": "r"})


def test_a_schema_that_refers_to_another_subject(registry: Registry, subject: str) -> None:
    address = f"address-{subject}"
    inner = {
        "type": "record",
        "name": "Address",
        "namespace": "com.exam",
        "fields": [{"name": "city", "type": "string"}],
    }
    registry.register(address, inner)
    outer = json.dumps(schema(("home", "Address"), ("work", ["null", "com.exam.Address"])))
    references = [SchemaReference("com.exam.Address", address, 1)]
    schema_id = registry._client.register_schema(subject, Schema(outer, "AVRO", references))
    found = registry.schema_by_id(schema_id)
    assert found["fields"][0]["type"]["fields"] == inner["fields"]
    assert found["fields"][1]["type"] == ["null", "com.exam.Address"]
    assert registry.latest(subject) == (schema_id, found)
    assert [shape.name for shape in table_layout(found, table="t").columns] == ["home", "work"]


def test_schemas_that_are_no_avro_record(registry: Registry, subject: str) -> None:
    text = registry._client.register_schema(subject, Schema('"string"', "AVRO"))
    assert registry.schema_by_id(text) == "string"
    other = registry._client.register_schema(f"u{subject}", Schema('["null", "string"]', "AVRO"))
    assert registry.schema_by_id(other) == ["null", "string"]
    json_id = registry._client.register_schema(
        subject + "-json", Schema('{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}', "JSON")
    )
    with pytest.raises(SchemaError, match="is JSON, rtpipe reads AVRO"):
        registry.schema_by_id(json_id)


def test_no_registry_there_names_the_address_and_no_password() -> None:
    expected = r"no schema registry answers at http://127\.0\.0\.1:1/path"
    url = "http://me:canary@127.0.0.1:1/path"
    with closing(Registry(url)) as registry, pytest.raises(UnreachableError, match=expected) as caught:
        registry.check()
    assert "canary" not in str(caught.value)
    assert "RTPIPE_SCHEMA_REGISTRY_URL" in caught.value.hint


def test_another_server_is_no_registry(stack: Addresses) -> None:
    root = stack.schema_registry_url.removesuffix("/apis/ccompat/v7")
    for url, expected in (
        (f"{root}/nowhere", "is no schema registry"),
        (f"http://{stack.bootstrap_servers}", "no schema registry answers"),
    ):
        with closing(Registry(url)) as registry, pytest.raises(UnreachableError, match=expected):
            registry.check()


@pytest.mark.parametrize("url", ["", "canary:8081", "ftp://me:canary@h"])
def test_what_is_no_registry_url(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Registry(url)
    assert "me:canary" not in str(caught.value)


def test_unknown_properties_are_refused() -> None:
    with pytest.raises(SettingsError, match="http://h:8081"):
        Registry("http://h:8081", {"no.such.property": "canary"})
    with pytest.raises(SettingsError):
        Registry("http://h:8081", {"timeout": "soon"})


def text_of(length: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": length}


def money(precision: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": 2}


#: What changes the column, the row or the messages, so that the second must not be taken for the first.
APART: dict[str, tuple[Any, Any]] = {
    "a length": (text_of(9), text_of(10)),
    "a length in a union": (["null", text_of(9)], ["null", text_of(10)]),
    "a length in an array": ({"type": "array", "items": text_of(9)}, {"type": "array", "items": text_of(10)}),
    "a precision": (money(9), money(10)),
    "a logical type": ("long", {"type": "long", "logicalType": "timestamp-micros"}),
    "the order of a union": (["null", "string"], ["string", "null"]),
    "the order of symbols": (
        {"type": "enum", "name": "E", "symbols": ["A", "B"]},
        {"type": "enum", "name": "E", "symbols": ["B", "A"]},
    ),
    "the size of a fixed": ({"type": "fixed", "name": "F", "size": 9}, {"type": "fixed", "name": "F", "size": 10}),
}


@pytest.mark.parametrize("kind", APART)
def test_schemas_that_mean_different_rows_have_ids_of_their_own(registry: Registry, subject: str, kind: str) -> None:
    one, two = (schema(("a", of)) for of in APART[kind])
    registry._client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    ids = [registry.register(subject, each) for each in (one, two)]
    assert ids[0] != ids[1]
    assert [registry.schema_by_id(each) for each in ids] == [one, two]


def test_an_attribute_of_ones_own_makes_another_schema_of_the_same_fields(registry: Registry, subject: str) -> None:
    """As docs/embedded-stack.md advises, since this registry takes a schema with another `doc` for the same one."""
    plain = schema(("a", "int"))
    first = registry.register(subject, plain)
    assert registry.register(subject, plain | {"doc": "told"}) == first
    second = registry.register(subject, plain | {"doc": "told", "edition": 2})
    assert second != first
    assert registry.schema_by_id(second)["doc"] == "told"
