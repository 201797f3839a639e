"""What a dead letter says of bytes that do not decode: what is wrong, at which byte, and where in the record."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from avro_schemas.avro.type_reader import read_record
from tests.support.samples.avro_values import data, number, text
from workers.rows.decoding.strict_reader import StrictReader

LINE = {
    "type": "record",
    "name": "Line",
    "fields": [
        {"name": "sku", "type": "string"},
        {"name": "suit", "type": {"type": "enum", "name": "Suit", "symbols": ["A", "B"]}},
    ],
}
LINES = {"type": "array", "items": LINE}
GOOD_LINE = text("a") + number(1)


def words(kind: Any, body: bytes) -> str:
    """Of a record with an int before the field in question; the header's five bytes count, too."""
    fields = [{"name": "id", "type": "int"}, {"name": "it", "type": kind}]
    with pytest.raises(ValueError, match=r".") as caught:
        StrictReader(read_record({"type": "record", "name": "Row", "fields": fields}), before=5)(number(7) + body)
    return str(caught.value)


CASES = [
    ("string", b"", "the bytes end before the length of a string, at byte 6, in field it"),
    ("string", number(5) + b"abc", "the bytes end in the middle of a string of 5 bytes, at byte 7, in field it"),
    ("string", number(5), "the bytes end before a string of 5 bytes, at byte 7, in field it"),
    ("string", number(-3) + b"abc", "a string of -3 bytes, at byte 6, in field it"),
    ("string", data(b"ab\xff"), "a string that is no UTF-8, at byte 9, in field it"),
    ("long", b"\x80", "the bytes end in the middle of a long, at byte 6, in field it"),
    ("long", b"\x80" * 11, "a long of more than ten bytes, at byte 6, in field it"),
    ("long", b"\xff" * 9 + b"\2", "a long beyond 64 bits, at byte 6, in field it"),
    ("int", number(1 << 40), "an int beyond 32 bits, at byte 6, in field it"),
    ("boolean", b"\2", "a boolean whose byte is neither 0 nor 1, at byte 6, in field it"),
    ("double", b"1234", "the bytes end in the middle of a double, at byte 6, in field it"),
    (["null", "int"], number(7), "union index 7, where the branches are 0 to 1, at byte 6, in field it"),
    (LINES, number(2) + GOOD_LINE + text("b") + number(-1) + number(0),
     "enum index -1, where the symbols are 0 to 1, at byte 12, in field it, item 2, field suit"),
    (LINES, number(-1) + number(9) + GOOD_LINE + number(0),
     "a block that says it has 9 bytes and has 3, at byte 6, in field it"),
    ({"type": "map", "values": ["null", LINE]}, number(1) + text("k") + number(1) + text("s") + number(2) + number(0),
     "enum index 2, where the symbols are 0 to 1, at byte 12, in field it, entry 1, field suit"),
    ({"type": "array", "items": "null"}, number(1 << 40),
     "more than 100,000 items that take no byte, at byte 12, in field it"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "said"), CASES)
def test_what_is_wrong_where_and_at_which_byte(kind: Any, body: bytes, said: str) -> None:
    assert words(kind, body) == f"the body does not decode: {said}"


def test_bytes_left_over() -> None:
    assert words("int", number(1) + b"abc") == "3 bytes left over after the record, which ends at byte 7"


def test_a_depth_that_nobody_follows() -> None:
    node = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
    said = words(node, number(1) * 300)
    assert said.startswith(
        "the body does not decode: more than 200 records inside one another, at byte 207, in field it"
    )
    assert len(said) < 400


@pytest.mark.parametrize("kind", ["string", "long", "float", LINES, ["null", LINE], "boolean"])
def test_no_word_of_python(kind: Any) -> None:
    """Whatever bytes are missing, no class of Python's exceptions is named."""
    classes = [name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, BaseException)]
    for body in (b"", b"\x80", b"\x06a", b"\x09" * 11, b"\x80" * 12, b"\x05" * 400):
        said = words(kind, body)
        assert not [name for name in [*classes, "struct.error"] if name in said]
