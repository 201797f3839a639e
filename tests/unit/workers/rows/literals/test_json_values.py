"""Values with parts as JSON, each form spelled out; and what no JSON can hold, refused."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.json_depth import depth_warnings
from avro_schemas.tables.evolution import place
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.rules import PLAIN, TableRules
from rtpipe.mysql.quoting import unescaped
from tests.support.samples.avro_values import data, number, text
from tests.support.samples.batches import batch_of
from tests.support.samples.schema_parts import logical
from workers.contract.refusal import Reason
from workers.rows.decoding.strict_reader import MOST_DEEP
from workers.rows.row_encoder import Encoded, RowEncoder

NODE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "n", "type": "int"}, {"name": "next", "type": ["null", "Node"]}],
}
POINT = {"type": "record", "name": "com.exam.Point", "fields": [{"name": "x", "type": "int"}]}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def one(raw: bytes) -> bytes:
    """An array of one item."""
    return number(1) + raw + number(0)


def encode(kind: Any, raw: bytes) -> Encoded:
    schema = {"type": "record", "name": "Row", "fields": [{"name": "c", "type": kind}]}
    layout = place(table_layout(schema, table="t"), FoundTable(json_depth=31), PLAIN).layout
    encoder = RowEncoder(layout, schema, partition=0, schema_id=1)
    return encoder.encode(batch_of([b"\0\0\0\0\1" + raw]), range(1))


def stored(kind: Any, raw: bytes) -> Any:
    """What the column of a field of this type is given."""
    encoded = encode(kind, raw)
    assert not encoded.refused
    [row] = encoded.literals
    if row == "NULL":
        return None
    return json.loads(unescaped(row[1:-1]))


@pytest.mark.parametrize(
    ("kind", "raw", "shown"),
    [
        (array("int"), number(2) + number(1) + number(-2) + number(0), [1, -2]),
        (array("bytes"), one(data(b"\xff\0")), ["/wA="]),
        (array({"type": "fixed", "name": "Two", "size": 2}), one(b"\xff\0"), ["/wA="]),
        (array(logical("bytes", "decimal", precision=6, scale=2)), one(data(b"\xff")), ["-0.01"]),
        (array(logical("bytes", "big-decimal")), one(data(data(b"\x01\x2c") + number(1))), ["30.0"]),
        (array(logical("bytes", "big-decimal")), one(data(data(b"\x01") + number(-3))), ["1E+3"]),
        (array(logical("int", "date")), one(number(-1)), ["1969-12-31"]),
        (array(logical("int", "time-millis")), one(number(1)), ["00:00:00.001"]),
        (array(logical("long", "time-micros")), one(number(1)), ["00:00:00.000001"]),
        (array(logical("long", "timestamp-millis")), one(number(-1)), ["1969-12-31T23:59:59.999Z"]),
        (array(logical("long", "local-timestamp-micros")), one(number(1)), ["1970-01-01T00:00:00.000001"]),
        (array(logical("long", "timestamp-nanos")), one(number(1 << 62)), [1 << 62]),
        (array(logical("fixed", "uuid", name="U", size=16)),
         one(bytes(16)), ["00000000-0000-0000-0000-000000000000"]),
        (logical("fixed", "duration", name="D", size=12), struct.pack("<III", 1, 2, 2**32 - 1),
         {"months": 1, "days": 2, "millis": 2**32 - 1}),
        ({"type": "map", "values": ["null", "string"]}, number(2) + text("'") + number(0) + text("b\\\n") + number(1)
         + text("ü") + number(0), {"'": None, "b\\\n": "ü"}),
        (POINT, number(5), {"x": 5}),
        (["int", "string"], number(0) + number(7), {"int": 7}),
        (["int", "string"], number(1) + text("7"), {"string": "7"}),
        (["null", "string", POINT], number(2) + number(7), {"com.exam.Point": {"x": 7}}),
        (["null", "string", POINT], number(0), None),
        (["float", "null", "double"], number(1), None),
        (array(["int", "long"]), number(2) + number(0) + number(1) + number(1) + number(2) + number(0), [1, 2]),
        (array(["null", {"type": "array", "items": "int"}, "long"]), number(2) + number(0) + number(1) + number(0)
         + number(0), [None, {"array": []}]),
        (NODE, number(1) + number(1) + number(2) + number(0), {"n": 1, "next": {"n": 2, "next": None}}),
    ],
)  # fmt: skip
def test_the_form_of_each_type(kind: Any, raw: bytes, shown: Any) -> None:
    assert stored(kind, raw) == shown


def refused(kind: Any, raw: bytes) -> str:
    [refusal] = encode(kind, raw).refused.values()
    return refusal.why


def test_what_json_cannot_hold_is_a_bad_message() -> None:
    assert "NaN" in refused(array("double"), one(struct.pack("<d", float("nan"))))
    assert "years 0001 to 9999" in refused(array(logical("int", "date")), one(number(10**7)))
    assert "no big-decimal" in refused(array(logical("bytes", "big-decimal")), one(data(b"\x10")))
    assert "255 characters" in refused(
        array(logical("bytes", "big-decimal")), one(data(data(b"\x7f" * 300) + number(0)))
    )


def chain(length: int) -> bytes:
    """A list of so many nodes."""
    return (number(1) + number(1)) * (length - 1) + number(1) + number(0)


def test_a_value_is_as_deep_as_the_server_takes() -> None:
    assert stored(NODE, chain(31))["next"]["next"]["n"] == 1
    assert "arrays and objects 40 deep, and JSON of this server ends at 31" in refused(NODE, chain(40))
    deep: Any = "int"
    for _ in range(35):
        deep = array(deep)
    assert "35 deep" in refused(deep, number(1) * 36 + b"\0" * 35)
    schema = {"type": "record", "name": "Row", "fields": [{"name": "c", "type": NODE}, {"name": "d", "type": deep}]}
    never, may = depth_warnings(table_layout(schema, table="t").columns, 31)
    assert "c: may be as deep as a message makes it; what is deeper than 31" in never
    assert "d: may be up to 35 deep" in may
    record: Any = "int"
    for level in range(35):
        record = {"type": "record", "name": f"N{level}", "fields": [{"name": "x", "type": record}]}
    schema["fields"] = [{"name": "c", "type": record}]
    [told] = depth_warnings(table_layout(schema, table="t").columns, 31)
    assert told.startswith("c: each value is 35 deep, and JSON of this server ends at 31")
    assert depth_warnings(table_layout(schema, table="t").columns, 100) == []


def test_text_takes_what_json_does_not_and_until_then_the_partition_is_held() -> None:
    rules = TableRules(columns={"c": "LONGTEXT"})
    schema = {"type": "record", "name": "Row", "fields": [{"name": "c", "type": NODE}]}
    made = table_layout(schema, table="t", rules=rules)
    for kind, letter in (("longtext", ""), ("json", Reason.UNFIT_TABLE)):
        found = FoundTable({"c": FoundColumn(kind, False, "utf8mb4", "utf8mb4_bin")}, json_depth=31)
        placement = place(made, found, rules, lambda: Lineage((made,)))
        assert len(placement.changes) == (kind == "json")
        encoder = RowEncoder(placement.layout, schema, partition=0, schema_id=1)
        encoded = encoder.encode(batch_of([b"\0\0\0\0\1" + chain(60)]), range(1))
        assert [one.reason for one in encoded.refused.values()] == ([letter] if letter else [])


@pytest.mark.parametrize("length", [400, 10_000, 300_000])
def test_a_value_without_a_bottom_kills_nobody(length: int) -> None:
    """fastavro's own recursion would end the process at some ten thousand."""
    assert f"more than {MOST_DEEP} records inside one another" in refused(NODE, chain(length))


def test_many_parts_between_a_record_and_itself_are_followed_as_far_as_they_can_be() -> None:
    kind: Any = ["null", "Long"]
    for level in range(30):
        kind = {"type": "record", "name": f"Part{level}", "fields": [{"name": "p", "type": kind}]}
    kind = {"type": "record", "name": "Long", "fields": [{"name": "p", "type": kind}]}
    assert "too deep to follow, at byte" in refused(kind, number(1) * 150 + number(0))


def test_a_type_used_many_times_is_made_once() -> None:
    """Forty records, each of which holds the one before twice: written out they would be a billion."""
    kind: Any = POINT
    for level in range(38):
        fields = [{"name": "a", "type": kind}, {"name": "b", "type": kind["name"]}]
        kind = {"type": "record", "name": f"R{level}", "fields": fields}
    schema = {"type": "record", "name": "Row", "fields": [{"name": "c", "type": kind}]}
    layout = table_layout(schema, table="t")
    assert RowEncoder(layout, schema, partition=0, schema_id=1).prefix.endswith("(`c`) VALUES ")
