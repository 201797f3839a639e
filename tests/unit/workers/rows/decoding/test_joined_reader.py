"""Many bodies in one call of the decoder: each is what it is alone, or all of them are refused together."""

from __future__ import annotations

from typing import Any

import pytest

from avro_schemas.avro.type_reader import read_record
from workers.rows.decoding.joined_reader import JoinedReader

#: A string of one letter, and a long.
A, B = b"\2a\2", b"\2b\4"


def reader(*names: str) -> JoinedReader:
    first, second = names or ("key", "number")
    fields: list[dict[str, Any]] = [{"name": first, "type": "string"}, {"name": second, "type": "long"}]
    return reader_of(fields)


def reader_of(fields: list[dict[str, Any]]) -> JoinedReader:
    return JoinedReader(read_record({"type": "record", "name": "t0", "fields": fields}))


@pytest.mark.parametrize("count", [1, 2, 63, 64, 500, 8_191, 8_192])
def test_a_record_for_each_body(count: int) -> None:
    bodies = [A if at % 2 else B for at in range(count)]
    assert [(found["key"], found["number"]) for found in reader().read(bodies)] == [
        ("a", 1) if at % 2 else ("b", 2) for at in range(count)
    ]


def test_a_field_with_the_name_of_the_mark() -> None:
    [found] = reader("mark", "mark_").read([A])
    assert (found["mark"], found["mark_"]) == ("a", 1)


def test_a_record_without_fields() -> None:
    empty = reader_of([])
    assert len(empty.read([b"", b"", b""])) == 3
    with pytest.raises((ValueError, EOFError)):
        empty.read([b"", b"x" * 16])


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([A + B[:1], B[1:]], id="a border one byte too late"),
        pytest.param([A[:-1], A[-1:] + B], id="a border one byte too early"),
        pytest.param([A + B, b""], id="two in one, none in the other"),
        pytest.param([A + b"\0"], id="a byte left over"),
        pytest.param([b"\x24" + b"a", A, B], id="a text that reads on beyond its mark"),
        pytest.param([A, b""], id="an empty one"),
        pytest.param([A, b"\2\xff\2"], id="no UTF-8"),
        pytest.param([A + b"x" * 16 + A, b"\2" + A], id="a block of its own, with a record more"),
        pytest.param([A + b"x" * 16 + A + b"x" * 16 + A, A, b"\4" + A, A], id="a block of its own, with two more"),
        pytest.param([A + b"x" * 16 + A, b"\1\x2a" + A], id="a block of its own that says its size"),
        pytest.param([A] * 100_000, id="more bytes than are read at once"),
    ],
)
def test_one_bad_body_refuses_all(bodies: list[bytes]) -> None:
    with pytest.raises((ValueError, EOFError)):
        reader().read(bodies)
