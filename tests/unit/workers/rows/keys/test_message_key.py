"""Keys of every format and type -> the key columns, and why some are none."""

from __future__ import annotations

import base64
import io
import json
import struct
from typing import Any

import fastavro
import pytest

from avro_schemas.avro.wire_format import pack
from tests.support.samples.message_keys import Schema, keys_of, record
from workers.contract.errors import SetupError

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}


def key_of(kind: Schema, key_format: str, key: bytes) -> str:
    """The literal of the only key column, of this type."""
    [literal] = keys_of(record(("id", kind)), {"key_format": key_format}).columns(key)
    return str(literal)


def avro(schema: Any, value: Any, schema_id: int = 7) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return pack(schema_id) + out.getvalue()


def envelope(payload: Any, **schema: Any) -> bytes:
    return json.dumps({"schema": schema or None, "payload": payload}).encode()


CONNECT_DECIMAL = {
    "type": "struct",
    "fields": [
        {
            "type": "bytes",
            "name": "org.apache.kafka.connect.data.Decimal",
            "parameters": {"scale": "3"},
            "field": "id",
        }
    ],
}

READ: list[tuple[Schema, str, bytes, str]] = [
    ("string", "text", b"a'b", "'a''b'"),
    ("string", "text", b"", "''"),
    ("int", "text", b"-7", "-7"),
    ("boolean", "text", b"true", "1"),
    (DECIMAL, "text", b"-12.5", "-12.50"),
    ({"type": "string", "logicalType": "uuid"}, "text", UUID.encode(), f"'{UUID}'"),
    ("bytes", "text", b"\xff\0", "X'ff00'"),
    ("int", "int", struct.pack(">i", -7), "-7"),
    ("string", "int", struct.pack(">i", 7), "'7'"),
    ("long", "long", struct.pack(">q", 1 << 40), str(1 << 40)),
    ("string", "json", b' "a\\"b" ', "'a\"b'"),
    ("string", "json", b'{"id": "a", "other": [1]}', "'a'"),
    ("string", "json", b"7", "'7'"),
    ("long", "json", b"9007199254740993", "9007199254740993"),
    ("long", "json", b'{"id": "7"}', "7"),
    ("boolean", "json", b'{"id": false}', "0"),
    (DECIMAL, "json", b'{"id": 9999999999.99}', "9999999999.99"),
    (DECIMAL, "json", b'{"id": "1E+2"}', "100.00"),
    ("bytes", "json", json.dumps({"id": base64.b64encode(b"\xff").decode()}).encode(), "X'ff'"),
    ({"type": "int", "logicalType": "date"}, "json", b"19753", "'2024-01-31'"),
    ("string", "json_schema", envelope({"id": "a"}, type="struct"), "'a'"),
    ("string", "json_schema", envelope("a", type="string"), "'a'"),
    ("string", "json_schema", envelope("a"), "'a'"),
    (DECIMAL, "json_schema", envelope({"id": base64.b64encode(b"\x04\xce").decode()}, **CONNECT_DECIMAL), "1.23"),
    ("string", "connect_struct", b"Struct{id=d}", "'d'"),
    ("string", "connect_struct", b"Struct{other=1,id=}", "''"),
    ("long", "connect_struct", b"Struct{id=7}", "7"),
    (DECIMAL, "connect_struct", b"Struct{id=12.50}", "12.50"),
    ({"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"}, "json", json.dumps(UUID).encode(), "X'0f8f"),
]


@pytest.mark.parametrize(("kind", "key_format", "key", "literal"), READ, ids=lambda one: repr(one)[:40])
def test_a_key_is_what_its_column_holds(kind: Schema, key_format: str, key: bytes, literal: str) -> None:
    assert key_of(kind, key_format, key).startswith(literal)


REFUSED: list[tuple[Schema, str, bytes | None, str]] = [
    ("string", "text", None, "neither a value nor a key"),
    ("string", "text", b"s3cret\xff", "no UTF-8"),
    ("int", "text", b"s3cret", "looks like plain text.*whole number"),
    ("int", "text", b'{"id": 7, "s3cret": 1}', "looks like JSON text"),
    ("long", "text", b"9999999999999999999", "64 bits"),
    ("boolean", "text", b"True", "neither true nor false"),
    (DECIMAL, "text", b"1.234", "2 digits"),
    (DECIMAL, "text", b"1e999", "12 digits"),
    ({"type": "string", "logicalType": "uuid"}, "text", b"s3cret", "not a UUID"),
    ("int", "int", b"s3cret", "6 bytes, where int has 4"),
    ("string", "json", b"s3cret", "looks like plain text.*not JSON"),
    ("string", "json", b"Struct{id=s3cret}", "Struct text.*not JSON"),
    ("string", "json", b'{"key": "s3cret"}', "no field id"),
    ("string", "json", b'{"schema": {}, "payload": {"id": "s3cret"}}', "JSON with schema and payload.*no field id"),
    ("string", "json", b'{"id": null}', "field id: null"),
    ("string", "json", b'{"id": {"s3cret": 1}}', "field id: an object"),
    ("string", "json", b'{"id": true}', "a boolean"),
    ("int", "json", b'{"id": 1.5}', "a number"),
    ("int", "json", b'{"id": 2147483648}', "32 bits"),
    ("string", "json", b'{"id": "s3cret", "id": "b"}', "twice"),
    ("string", "json", b'"\\ud800"', "half a character"),
    ("string", "json", b"[" * 100_000, "nested too deep|not JSON"),
    ("long", "json", b"9" * 5_000, "thousands of digits"),
    ("bytes", "json", b'"s3cret!"', "base64"),
    ("string", "json_schema", b'{"id": "s3cret"}', "`schema` and `payload`"),
    ("string", "json_schema", b'"s3cret"', "a string that is not"),
    ("string", "connect_struct", b"Struct{id=s3cret,x}", "several ways"),
    ("string", "connect_struct", b"Struct{id=a=b}", "several ways"),
    ("string", "connect_struct", b"Struct{id={s3cret}}", "several ways"),
    ("string", "connect_struct", b"Struct{id=a,id=b}", "several ways"),
    ("string", "connect_struct", b'{"id": "s3cret"}', "JSON text.*not Struct"),
    ("bytes", "connect_struct", b"Struct{id=[B@s3cret}", "the column has bytes"),
    ("string", "avro", b"s3cret", "plain text.*no schema id"),
    ("string", "avro", b"\xc3\1" + bytes(8), "single-object.*no schema id"),
]


@pytest.mark.parametrize(("kind", "key_format", "key", "why"), REFUSED, ids=lambda one: repr(one)[:40])
def test_a_key_that_is_none_says_why_and_is_not_quoted(
    kind: Schema, key_format: str, key: bytes | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        key_of(kind, key_format, key)  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)
    assert not isinstance(caught.value, UnicodeError)


ADDRESS = record(("city", "string"), ("zip", "string"), name="address")
VALUE = record(("customer", "string"), ("nr", "long"), ("address", ["null", ADDRESS]))
RENAME = {"key": ("id",), "rename": {"customer": "id"}}
FLATTEN = {"key": ("address__city",), "flatten": 1}
BOTH = {"key": ("town", "nr"), "flatten": 1, "rename": {"address.city": "town"}}
SHAPES: list[tuple[dict[str, Any], Any, Any, tuple[str, ...]]] = [
    (RENAME, record(("id", "string")), {"id": "a"}, ("'a'",)),
    (RENAME, record(("customer", "string")), {"customer": "a"}, ("'a'",)),
    (RENAME, record(("customer", ["null", "string"])), {"customer": "a"}, ("'a'",)),
    (RENAME, "string", "a", ("'a'",)),
    (RENAME, ["null", "string"], "a", ("'a'",)),
    (RENAME, ["null", record(("id", "string"))], {"id": "a"}, ("'a'",)),
    (RENAME, record(("id", ["null", "long", "string"])), {"id": "a"}, ("'a'",)),
    (RENAME, record(("id", "long")), {"id": 7}, ("'7'",)),
    (FLATTEN, record(("address", ADDRESS)), {"address": {"city": "a", "zip": "z"}}, ("'a'",)),
    (FLATTEN, record(("address", ["null", ADDRESS])), {"address": {"city": "a", "zip": "z"}}, ("'a'",)),
    (FLATTEN, record(("address__city", "string")), {"address__city": "a"}, ("'a'",)),
    (FLATTEN, record(("city", "string")), {"city": "a"}, ("'a'",)),
    (FLATTEN, "string", "a", ("'a'",)),
    (BOTH, record(("town", "string"), ("nr", "int")), {"town": "a", "nr": 7}, ("'a'", "7")),
    (BOTH, record(("nr", "long"), ("address", ADDRESS)), {"nr": 7, "address": {"city": "a", "zip": ""}}, ("'a'", "7")),
    (BOTH, record(("nr", "long"), ("address__city", "string")), {"nr": 7, "address__city": "a"}, ("'a'", "7")),
    (BOTH, record(("nr", "string"), ("city", "string")), {"nr": "7", "city": "a"}, ("'a'", "7")),
]


@pytest.mark.parametrize(("rules", "schema", "value", "columns"), SHAPES)
def test_fields_of_avro_keys_are_found_by_column_and_by_field(
    rules: dict[str, Any], schema: Any, value: Any, columns: tuple[str, ...]
) -> None:
    keys = keys_of(VALUE, rules | {"key_format": "avro"}, {7: schema})
    assert keys.columns(avro(schema, value)) == columns
    assert keys.columns(avro(schema, value)) == columns


@pytest.mark.parametrize(("rules", "schema", "value", "columns"), [one for one in SHAPES if isinstance(one[2], dict)])
def test_fields_of_json_keys_are_found_in_the_same_way(
    rules: dict[str, Any], schema: Any, value: Any, columns: tuple[str, ...]
) -> None:
    del schema
    assert keys_of(VALUE, rules | {"key_format": "json"}).columns(json.dumps(value).encode()) == columns
    assert keys_of(VALUE, rules | {"key_format": "json_schema"}).columns(envelope(value)) == columns


@pytest.mark.parametrize(
    ("rules", "schema", "value", "why"),
    [
        (RENAME, record(("name", "string")), {"name": "s3cret"}, "schema id 7: it has no field id"),
        (RENAME, record(("id", ["null", "string"])), {"id": None}, "field id: null"),
        (RENAME, ["null", "string"], None, "field id: null"),
        (RENAME, ["null", record(("id", "string"))], None, "field id: null"),
        (RENAME, record(("id", "double")), {"id": 1.0}, "double, where the column has string"),
        (FLATTEN, record(("address", ["null", ADDRESS])), {"address": None}, "field address__city: null"),
        (BOTH, record(("town", "string")), {"town": "s3cret"}, "no field nr"),
        (BOTH, "string", "s3cret", "no field town, nr"),
        (
            BOTH,
            record(("town", "string"), ("nr", "string")),
            {"town": "a", "nr": "s3cret"},
            "field nr: .* whole number",
        ),
    ],
)
def test_an_avro_key_that_lacks_a_column_says_which(rules: dict[str, Any], schema: Any, value: Any, why: str) -> None:
    keys = keys_of(VALUE, rules | {"key_format": "avro"}, {7: schema})
    for _ in range(2):
        with pytest.raises(ValueError, match=why) as caught:
            keys.columns(avro(schema, value))
        assert "s3cret" not in str(caught.value)


def test_bytes_of_an_avro_key_that_do_not_decode() -> None:
    with pytest.raises(ValueError, match="does not decode"):
        keys_of(VALUE, RENAME | {"key_format": "avro"}, {7: "string"}).columns(pack(7) + b"\x08a")


def test_a_decimal_of_another_scale_is_the_same_number() -> None:
    own = record(("id", DECIMAL | {"scale": 3}))
    keys = keys_of(record(("id", DECIMAL)), {"key_format": "avro"}, {7: own})
    assert keys.columns(pack(7) + b"\x04\x04\xce") == ("1.23",)


def test_a_struct_of_several_columns() -> None:
    keys = keys_of(VALUE, {"key": ("nr", "customer"), "key_format": "connect_struct"})
    assert keys.columns(b"Struct{customer=a b,nr=7}") == ("7", "'a b'")


@pytest.mark.parametrize("key_format", ["text", "int", "long"])
def test_one_value_fills_one_column(key_format: str) -> None:
    with pytest.raises(SetupError, match="fills one column, the key has nr, customer"):
        keys_of(VALUE, {"key": ("nr", "customer"), "key_format": key_format})
