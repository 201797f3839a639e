"""The fast encoder against the general one: what it gives must be stored as the same, or it gives nothing."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from tests.support.samples.avro.avro_kinds import flat_tables
from tests.support.samples.batches import batch_of
from tests.support.samples.row_texts import read_file, read_literals
from workers.contract.batch import Batch
from workers.rows.columnar import column_encoder as columnar
from workers.rows.row_encoder import RowEncoder

SEED: dict[str, Any] = {
    "type": "record",
    "name": "seed",
    "fields": [
        {"name": "key_field1", "type": "string"},
        {"name": "timestamp_field1", "type": "long"},
        {"name": "double_field1", "type": "double"},
        {"name": "string_field1", "type": "string"},
    ],
}
HEADER = b"\0\0\0\0\1"


@pytest.fixture(autouse=True)
def _any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "FEWEST", 1)


def row_encoder(schema: dict[str, Any], *, nonfinite: str = "refuse", **rules: Any) -> RowEncoder:
    layout = table_layout(schema, table="t", rules=TableRules(**rules)).rows()
    return RowEncoder(layout, schema, partition=3, schema_id=1, nonfinite=nonfinite)


def body(schema: dict[str, Any], *values: Any) -> bytes:
    out = io.BytesIO()
    names = [field["name"] for field in schema["fields"]]
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), dict(zip(names, values, strict=True)))
    return out.getvalue()


def same(encoder: RowEncoder, batch: Batch, indexes: range | list[int]) -> bool:
    """Whether the fast encoder had an answer; which is the general one's then, and all rows are good."""
    columns = encoder.columns
    assert columns is not None
    file, literals = columns.file(batch, indexes), columns.literals(batch, indexes)
    assert (file is None) == (literals is None)
    if file is None or literals is None:
        return False
    general = encoder.encode(batch, indexes)
    assert not general.refused, general.refused
    wanted = [read_literals(row) for row in general.literals]
    assert [read_literals(row) for row in literals[0]] == wanted
    assert read_file(file, columns.load_columns) == wanted
    assert literals[1] == general.keys
    return True


def test_rows_of_the_seed_schema_are_those_of_the_general_encoder() -> None:
    values = [
        ("k", 1, 1.5, "text"),
        ("", -1, -0.0, "it's\t\n\"\\ NULL"),
        ("NULL", 1 << 62, 5e-324, "\0\x1a\r"),
        ("k", 2, 1e-9, "written with an exponent and no point"),
        ("é", -(1 << 63), 1e300, "💧"),
    ]
    batch = batch_of([HEADER + body(SEED, *row) for row in values])
    assert same(row_encoder(SEED), batch, range(5))
    assert same(row_encoder(SEED), batch, [1, 3])


def test_a_body_that_is_no_row_leaves_all_to_the_general_encoder() -> None:
    good = HEADER + body(SEED, "k", 1, 1.5, "text")
    for bad in (good[:-1], good + b"\0", HEADER, good.replace(b"text", b"\xff\xff\xff\xff")):
        assert not same(row_encoder(SEED), batch_of([good, bad, good]), range(3))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(flat_tables())
def test_any_flat_schema_and_values(table: tuple[dict[str, Any], list[list[Any]]]) -> None:
    schema, rows = table
    encoder = row_encoder(schema)
    if encoder.columns is not None:
        batch = batch_of([HEADER + b"".join(value.raw for value in row) for row in rows])
        same(encoder, batch, range(len(rows)))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(flat_tables(), st.data())
def test_any_bytes_in_a_body(table: tuple[dict[str, Any], list[list[Any]]], data: st.DataObject) -> None:
    schema, rows = table
    encoder = row_encoder(schema)
    if encoder.columns is None:
        return
    bodies = [b"".join(value.raw for value in row) for row in rows]
    at = data.draw(st.integers(0, len(bodies) - 1))
    place = data.draw(st.integers(0, len(bodies[at])))
    more, less = data.draw(st.binary(max_size=12)), data.draw(st.integers(0, 3))
    bodies[at] = bodies[at][:place] + more + bodies[at][place + less :]
    same(encoder, batch_of([HEADER + one for one in bodies]), range(len(bodies)))


def one(kind: Any, *bodies: bytes) -> bool:
    schema = {"type": "record", "name": "r", "fields": [{"name": "c", "type": kind}]}
    return same(row_encoder(schema), batch_of([HEADER + body for body in bodies]), range(len(bodies)))


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("int", b"\x80\x80\x80\x80\x80\x40"),  # beyond 32 bits, which polars wraps
        ("boolean", b"\2"),
        ("boolean", b"\x81\0"),
        (["null", "long"], b"\4\2"),  # index 2 of a union of two
        (["long", "null"], b"\4"),
        (["null", "long"], b"\1\2"),
        (["null", "long"], b"\x82\0\2"),  # an index of two bytes
        ("long", b"\xff" * 9 + b"\3"),  # more than 64 bits
        ("long", b"\x82\0"),  # a number in more bytes than it needs
        ("string", b"\4\xff\xfe"),
        ("string", b"\x80\x80\x80\x80\x80\x80\x40a"),  # a length at which polars panics
        ("string", b"\3ab"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\4"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\1"),
        ("double", b"\0\0\0\0\0\0\xf0\x7f"),  # infinity
        ("double", b"1234567"),
    ],
)
def test_a_trap_of_polars_is_left_to_the_general_encoder(
    kind: Any, bad: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not one(kind, bad)
    assert capfd.readouterr().err == ""


def test_a_body_that_takes_what_the_next_one_lacks_is_none() -> None:
    assert one("string", b"\2a", b"\2b")
    assert not one("string", b"\2", b"a\2b")
    assert not one("string", b"\x10a" + HEADER, b"\2b")


def test_what_kafka_says_of_a_message() -> None:
    metadata = ("_kafka_partition", "_kafka_offset", "_kafka_timestamp", "_schema_id", "_kafka_key", "_kafka_headers")
    encoder = row_encoder(SEED, metadata=metadata)
    batch = batch_of(
        [HEADER + body(SEED, "k", at, 1.5, "text") for at in range(4)],
        [5, 7, 8, 9],
        keys=[b"\0\xff", None, b"", b"'"],
        timestamps=[0, -1, 1_700_000_000_123, 1 << 60],
        headers={1: [("it's", b"\0"), ("n", None)]},
    )
    assert same(encoder, batch, range(4))
    assert same(encoder, batch, [1, 3])
    batch.headers[2] = None
    columns = encoder.columns
    assert columns is not None
    assert columns.file(batch, range(4)) is None


def test_nan_is_null_where_the_settings_say_so() -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "c", "type": ["null", "double"]}]}
    nan, number = b"\2" + b"\0" * 6 + b"\xf8\x7f", b"\2" + b"\0" * 7 + b"\x80"
    batch = batch_of([HEADER + nan, HEADER + number, HEADER + b"\0"])
    assert same(row_encoder(schema, nonfinite="null"), batch, range(3))
    assert not same(row_encoder(schema), batch, range(3))


def test_a_schema_with_parts_is_for_the_general_encoder() -> None:
    for kind in ({"type": "array", "items": "long"}, ["null", "long", "string"], {"type": "map", "values": "long"}):
        schema = {"type": "record", "name": "r", "fields": [{"name": "c", "type": kind}]}
        assert row_encoder(schema).columns is None


def test_columns_that_are_the_same_for_all_messages_are_left_to_the_general_encoder() -> None:
    schema = {
        "type": "record",
        "name": "nothing",
        "fields": [{"name": "n", "type": "null"}, {"name": "v", "type": "int"}],
    }
    encoder = row_encoder(schema, exclude=("v",), metadata=("_schema_id",))
    assert not same(encoder, batch_of([HEADER + body(schema, None, at) for at in range(3)]), range(3))
