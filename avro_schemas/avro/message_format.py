"""What the bytes of a value or key look like if they are not in the registry's wire format; pure.

A format is recognised by its first bytes, or by the begin and end of its text. Nothing here quotes the bytes, which may
be secret: only what they look like, and what helps.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

#: First byte of every message that a registry serializer wrote.
MAGIC = 0
#: Bytes before the Avro body.
HEADER_SIZE = 5

#: Of a long text so many bytes of its beginning and of its end are looked at.
_LOOKED_AT = 4_096
_SERIALIZER = "let the producer write Avro with a schema registry's serializer, which puts the id in front"
_SINGLY = "let the producer send each record by itself, with a schema registry's Avro serializer"
_COMPRESSION = "let the producer compress by `compression.type`, which Kafka undoes, and not the value itself"


@dataclass(frozen=True, slots=True)
class Look:
    """What bytes look like."""

    kind: str  #: one word, the same for all bytes of the format
    words: str  #: for people: `JSON text`
    hint: str = _SERIALIZER  #: what helps where it is a value


NO_KEY = Look("null", "no key")
_EMPTY = Look("empty", "no bytes at all", "a tombstone has no value (null), which is not the same as an empty one")
_TEXT, _JSON = Look("text", "plain text"), Look("json", "JSON text")
_CONTROL_TEXT = Look("controls", "text with control characters")
#: The formats that their first bytes tell, with the fewest bytes that they have.
_BEGINNINGS = (
    (b"Obj\1", 4, Look("container", "an Avro container file", _SINGLY)),
    (b"\xc3\1", 10, Look("single_object", "Avro's single-object encoding, which has a fingerprint and no id")),
    (b"\3\0", 18, Look("glue", "the format of AWS Glue's schema registry")),
    (b"\3\5", 18, Look("glue", "the format of AWS Glue's schema registry, compressed")),
    (b"\x1f\x8b", 4, Look("gzip", "bytes compressed by gzip", _COMPRESSION)),
    (b"\x28\xb5\x2f\xfd", 4, Look("zstd", "bytes compressed by zstd", _COMPRESSION)),
    (b"\x04\x22\x4d\x18", 4, Look("lz4", "bytes compressed by lz4", _COMPRESSION)),
    (b"\xff\6\0\0sNaPpY", 10, Look("snappy", "bytes compressed by snappy", _COMPRESSION)),
    (b"\xac\xed\0\5", 4, Look("java", "a serialized Java object")),
    (b"PAR1", 4, Look("parquet", "a Parquet file", _SINGLY)),
)
_LONG_ID = Look(
    "long_id",
    "the wire format with a schema id of 8 bytes, as Apicurio's serializers write it by default",
    "let the producer write ids of 4 bytes: apicurio.registry.as-confluent = true",
)
_ID_SIZE = 8
#: The forms of text; the first that fits counts.
_TEXTS = tuple(
    (re.compile(pattern, re.DOTALL), look)
    for pattern, look in (
        (rb'\s*\{\s*"(schema|payload)"\s*:.*\}\s*', Look("envelope", "JSON with schema and payload")),
        (rb"\s*(\{.*\}|\[.*\])\s*", _JSON),
        (rb'\s*".*"\s*', _JSON),
        (rb"Struct\{.*\}", Look("struct", "Connect's Struct text")),
        (rb"\s*<.*>\s*", Look("xml", "XML text")),
        (rb".*[\r\n]", Look("newline", "text with a newline at its end")),
        (codecs.BOM_UTF8 + rb".*", Look("mark", "text with a byte order mark at its beginning")),
    )
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: Most keys that are text; for the others there are slower questions.
_PLAIN = re.compile(rb"[0-9A-Za-z][0-9A-Za-z_.:@/+ -]*")
#: Keys of so many bytes that are no text.
_SIZES = {4: Look("int", "4-byte int"), 8: Look("long", "8-byte long"), 16: Look("uuid", "16 bytes, as of a UUID")}
#: Headers in which serializers put the id, instead of in front of the value; for a value, and for a key.
_ID_HEADERS = {
    part: frozenset({f"__{part}_schema_id", f"apicurio.{part}.globalId", f"apicurio.{part}.contentId"})
    for part in ("value", "key")
}
#: The header in which Azure's serializers put it.
_CONTENT_TYPE, _AZURE = "content-type", b"avro/binary+"
_IN_FRONT = "let the producer write the id in front of the value or key and not into a header"


def look_of_value(value: bytes) -> Look:
    """What a message's value looks like."""
    look = _look(value)
    if look is None or look is _CONTROL_TEXT:  # as short texts and small numbers in Avro are
        first = f"0x{value[0]:02x}"
        return Look("binary", f"no known format (the first byte is {first}), perhaps an Avro body and nothing else")
    return look


def look_of_key(key: bytes | None) -> Look:
    """What a message's key looks like."""
    if key is None:
        return NO_KEY
    if _PLAIN.fullmatch(key):
        return _TEXT
    size = _SIZES.get(len(key))
    begins = key[:1] == bytes([MAGIC]) and any(key[1:HEADER_SIZE])  # as the wire format does, with an id
    if size and _CONTROLS.search(key) and (len(key) < HEADER_SIZE or not begins):
        return size
    return _look(key) or size or Look("binary", "bytes that are no text")


def look_of_headers(headers: Iterable[tuple[str, bytes | None]], part: str) -> Look | None:
    """What a message's headers say of its `part`, "value" or "key": the id of its schema is in them. None: nothing."""
    for name, content in headers:
        if name in _ID_HEADERS[part]:
            return Look("header", f"Avro with its schema id in the header {name}", _IN_FRONT)
        if name == _CONTENT_TYPE and part == "value" and (content or b"").startswith(_AZURE):
            return Look("header", f"Avro of Azure's schema registry, with its schema id in the header {name}")
    return None


def _look(data: bytes) -> Look | None:
    """What both a value and a key may look like; None for bytes that say nothing."""
    if not data:
        return _EMPTY
    if data[0] == MAGIC and len(data) >= HEADER_SIZE:
        [schema_id] = struct.unpack_from(">I", data, 1)
        if not schema_id and len(data) > _ID_SIZE:
            return _LONG_ID
        return Look("registry", f"Avro with schema id {schema_id}")
    for beginning, least, look in _BEGINNINGS:
        if data.startswith(beginning) and len(data) >= least:
            return look
    return _text_look(data)


def _text_look(data: bytes) -> Look | None:
    beginning = data[:_LOOKED_AT]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=len(data) == len(beginning))
    except UnicodeDecodeError:
        return None
    ends = data if len(data) <= 2 * _LOOKED_AT else beginning + data[-_LOOKED_AT:]
    if _CONTROLS.search(ends):
        return None if b"\0" in ends else _CONTROL_TEXT
    return next((look for pattern, look in _TEXTS if pattern.fullmatch(ends)), _TEXT)
