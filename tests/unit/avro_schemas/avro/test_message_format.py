"""What bytes look like that are not in the registry's wire format: each by name, and none of them quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.avro.message_format import look_of_headers, look_of_key, look_of_value
from avro_schemas.avro.wire_format import WireFormatError, schema_id_of

CANARY = b"s3cret"
UUID = bytes(range(0x80, 0x90))

VALUES = {
    "Avro container file": b"Obj\1\x04\x14avro.codec" + CANARY,
    "single-object encoding": b"\xc3\1\x01\x02\x03\x04\x05\x06\x07\x08" + CANARY,
    "AWS Glue's schema registry, not": b"\3\0" + UUID + CANARY,
    "AWS Glue's schema registry, compressed": b"\3\5" + UUID + CANARY,
    "JSON text": b' {"password": "' + CANARY + b'"}\n',
    "JSON with schema and payload": b'{"schema":{"type":"struct"},"payload":{"p":"' + CANARY + b'"}}',
    "Connect's Struct text": b"Struct{p=" + CANARY + b"}",
    "XML text": b"<p>" + CANARY + b"</p>",
    "plain text": CANARY,
    "text with a newline at its end": CANARY + b"\n",
    "byte order mark": b"\xef\xbb\xbf" + CANARY,
    "perhaps an Avro body": b"\x0c" + CANARY + b"\x02",
    "JSON text, not": b"{}",
    "compressed by gzip": b"\x1f\x8b\x08\x00" + CANARY,
    "compressed by zstd": b"\x28\xb5\x2f\xfd" + CANARY,
    "compressed by lz4": b"\x04\x22\x4d\x18" + CANARY,
    "compressed by snappy": b"\xff\x06\x00\x00sNaPpY" + CANARY,
    "serialized Java object": b"\xac\xed\x00\x05" + CANARY,
    "Parquet file": b"PAR1" + CANARY,
    "0 bytes are too short": b"",
    "first byte is 0xff": b"\xff\xfe" + CANARY,
    "4 bytes are too short": b"\0\0\0\1",
}


@pytest.mark.parametrize(("words", "value"), VALUES.items(), ids=lambda one: one if isinstance(one, str) else "")
def test_a_value_in_another_format_is_named_with_what_helps_and_never_quoted(words: str, value: bytes) -> None:
    with pytest.raises(WireFormatError, match=words) as caught:
        schema_id_of(value)
    said = f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint
    assert CANARY.decode() not in said


def test_an_id_of_eight_bytes_looks_like_the_schema_id_0() -> None:
    assert schema_id_of(b"\0" + (7).to_bytes(8, "big") + b"\2a") == 0
    assert "8 bytes" in look_of_value(b"\0" + (7).to_bytes(8, "big") + b"\2a").words


KEYS = {
    None: "no key",
    b"": "no bytes at all",
    b"a": "plain text",
    b"a\n": "text with a newline at its end",
    b'"a"': "JSON text",
    b'{"id":"a"}': "JSON text",
    b'["a"]': "JSON text",
    b"Struct{id=a}": "Connect's Struct text",
    b'{"schema":null,"payload":"a"}': "JSON with schema and payload",
    b"\0\0\0\0\7\2a": "Avro with schema id 7",
    b"\0\0\0\7": "4-byte int",
    b"\xff\xff\xff\xff": "4-byte int",
    b"\0\0\0\0\0\0\0\7": "8-byte long",
    b"\xff" * 8: "8-byte long",
    UUID: "16 bytes, as of a UUID",
    b"1234": "plain text",
    b"\xff\xfe\xfd": "bytes that are no text",
    b"\3\0" + UUID: "the format of AWS Glue's schema registry",
}


@pytest.mark.parametrize(("key", "words"), KEYS.items())
def test_a_key_is_named(key: bytes | None, words: str) -> None:
    assert look_of_key(key).words == words


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("__value_schema_id", b"\1" + UUID, "value"),
        ("__key_schema_id", b"\1" + UUID, "key"),
        ("apicurio.value.globalId", bytes(8), "value"),
        ("apicurio.key.contentId", bytes(8), "key"),
        ("content-type", b"avro/binary+0123456789abcdef", "value"),
    ],
)
def test_an_id_in_a_header_is_named_for_the_part_that_it_is_of(name: str, content: bytes, part: str) -> None:
    headers = [("trace", None), (name, content)]
    look = look_of_headers(headers, part)
    assert look is not None
    assert name in look.words
    assert look_of_headers(headers, "key" if part == "value" else "value") is None
    assert look_of_headers([("content-type", b"application/json"), (name + "s", content)], part) is None


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_the_bytes_are_they_look_like_something(data: bytes) -> None:
    assert look_of_key(data).words
    assert look_of_value(data).words
