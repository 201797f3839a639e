import pickle
from typing import Any

import pytest
from sqlalchemy.dialects import mysql

from avro_schemas.avro.field_types import LOGICAL_TYPES, PRIMITIVES
from avro_schemas.avro.named_types import MAX_DEPTH
from avro_schemas.columns.column_types import COLUMN_TYPES, ColumnShape
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import SchemaError
from tests.support.samples.schema_parts import logical

ASCII = " CHARACTER SET ascii COLLATE ascii_bin"


def fixed(size: int, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": "F", "size": size, **more}


def decimal(precision: Any, scale: Any = 0) -> dict[str, Any]:
    return logical("bytes", "decimal", precision=precision, scale=scale)


def layout_of(avro_type: Any, **field: Any) -> Any:
    return table_layout(
        {"type": "record", "name": "r", "fields": [{"name": "x", "type": avro_type, **field}]}, table="t"
    )


def shape_of(avro_type: Any, **field: Any) -> ColumnShape:
    (shape,) = layout_of(avro_type, **field).columns
    assert isinstance(shape, ColumnShape)
    return shape


def sql(shape: ColumnShape) -> str:
    return str(shape.type.compile(dialect=mysql.dialect()))


def enum(*symbols: str) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols)}


RECORD = {"type": "record", "name": "Address", "fields": [{"name": "street", "type": "string"}]}
COLUMNS = [
    ("null", "TINYINT"),
    ("boolean", "TINYINT(1)"),
    ("int", "INTEGER"),
    ("long", "BIGINT"),
    ("float", "FLOAT"),
    ("double", "DOUBLE"),
    ("string", "MEDIUMTEXT"),
    ("bytes", "MEDIUMBLOB"),
    ({"type": "string"}, "MEDIUMTEXT"),
    ({"type": "string", "maxLength": 64}, "VARCHAR(64)"),
    ({"type": "string", "maxLength": 16383}, "VARCHAR(16383)"),
    ({"type": "string", "maxLength": 16384}, "MEDIUMTEXT"),
    ({"type": "bytes", "maxLength": 64}, "VARBINARY(64)"),
    ({"type": "bytes", "maxLength": 70000}, "MEDIUMBLOB"),
    (fixed(1), "BINARY(1)"),
    (fixed(255), "BINARY(255)"),
    (fixed(256), "VARBINARY(256)"),
    (fixed(70000), "MEDIUMBLOB"),
    (decimal(10, 2), "DECIMAL(10, 2)"),
    (decimal(65, 30), "DECIMAL(65, 30)"),
    (decimal(66), "VARCHAR(69)" + ASCII),
    (decimal(65, 31), "VARCHAR(68)" + ASCII),
    (decimal(70000), "MEDIUMTEXT" + ASCII),
    (fixed(8, logicalType="decimal", precision=18, scale=3), "DECIMAL(18, 3)"),
    (logical("int", "date"), "DATE"),
    (logical("int", "time-millis"), "TIME(3)"),
    (logical("long", "time-micros"), "TIME(6)"),
    (logical("long", "timestamp-millis"), "DATETIME(3)"),
    (logical("long", "timestamp-micros"), "DATETIME(6)"),
    (logical("long", "local-timestamp-millis"), "DATETIME(3)"),
    (logical("long", "local-timestamp-micros"), "DATETIME(6)"),
    (logical("string", "uuid"), "CHAR(36)" + ASCII),
    (fixed(16, logicalType="uuid"), "BINARY(16)"),
    (fixed(0), "MEDIUMBLOB"),
    (enum("A", "B"), "VARCHAR(64)" + ASCII),
    (enum("A" * 65), "VARCHAR(65)" + ASCII),
    (logical("bytes", "big-decimal"), "VARCHAR(255)" + ASCII),
    (logical("long", "timestamp-nanos"), "BIGINT"),
    (logical("long", "local-timestamp-nanos"), "BIGINT"),
    (fixed(12, logicalType="duration"), "JSON"),
    ({"type": "array", "items": "int"}, "JSON"),
    ({"type": "map", "values": ["null", "int"]}, "JSON"),
    (RECORD, "JSON"),
    ({"type": "error", "name": "Failure", "fields": []}, "JSON"),
    (["int", "string"], "JSON"),
    (["int", logical("long", "timestamp-millis")], "JSON"),
    ("r", "JSON"),
]


@pytest.mark.parametrize(("avro_type", "expected"), COLUMNS)
def test_the_column_of_each_type(avro_type: Any, expected: str) -> None:
    shape = shape_of(avro_type)
    assert sql(shape) == expected
    assert shape.of.nullable is (avro_type == "null")
    assert layout_of(avro_type).warnings == ()


KINDS = ("fixed", "enum", "array", "map", "record", "union", "recursive")


def test_every_pair_of_type_and_logical_type_has_a_column() -> None:
    pairs: set[tuple[str, str | None]] = {(base, None) for base in (*PRIMITIVES, *KINDS)}
    pairs |= {(base, word) for word, bases in LOGICAL_TYPES.items() for base in bases}
    assert set(COLUMN_TYPES) == pairs


@pytest.mark.parametrize(
    ("union", "nullable", "column"),
    [
        (["null", "long"], True, "BIGINT"),
        (["long", "null"], True, "BIGINT"),
        (["long"], False, "BIGINT"),
        (["int", "long"], False, "BIGINT"),
        (["long", "null", "int"], True, "BIGINT"),
        (["float", {"type": "double"}], False, "DOUBLE"),
        (["null"], True, "TINYINT"),
        ([], True, "TINYINT"),
        (["int", "string"], False, "JSON"),
        (["int", "double"], False, "JSON"),
        (["string", "null", "int"], True, "JSON"),
    ],
)
def test_unions(union: list[Any], nullable: bool, column: str) -> None:
    shape = shape_of(union)
    assert (sql(shape), shape.of.nullable) == (column, nullable)
    assert [branch.called for branch in shape.of.branches] == [b if isinstance(b, str) else b["type"] for b in union]


@pytest.mark.parametrize(("avro_type", "expected"), [one for one in COLUMNS[1:] if not isinstance(one[0], list)])
def test_a_nullable_field_has_the_column_of_its_type(avro_type: Any, expected: str) -> None:
    shape = shape_of(["null", avro_type])
    assert (sql(shape), shape.of.nullable) == (expected, True)


def test_what_a_shape_keeps_of_the_type() -> None:
    number = shape_of(["null", decimal(10, 2)]).of
    assert (number.avro_type, number.logical, number.precision, number.scale) == ("bytes", "decimal", 10, 2)
    assert shape_of({"type": "string", "maxLength": 64}).of.size == 64
    assert shape_of("string", maxLength=64).of.size == 64
    assert shape_of(fixed(16, logicalType="uuid")).of.size == 16
    assert shape_of("string").of.size == 0


def test_shapes_cross_process_boundaries() -> None:
    shape = shape_of(decimal(66))
    copy = pickle.loads(pickle.dumps(shape))
    assert (copy.name, sql(copy)) == (shape.name, sql(shape))


@pytest.mark.parametrize(
    ("avro_type", "column", "warning"),
    [
        (logical("string", "money"), "MEDIUMTEXT", "logical type 'money' ignored, unknown; stored as string"),
        (logical("string", "date"), "MEDIUMTEXT", "logical type 'date' ignored, not valid here"),
        (logical("int", "timestamp-nanos"), "INTEGER", "not valid here"),
        (logical("long", ""), "BIGINT", "unknown"),
        ({"type": "long", "logicalType": ["date"]}, "BIGINT", "is not a name"),
        (fixed(12, logicalType="uuid"), "BINARY(12)", "not valid here"),
        (fixed(16, logicalType="duration"), "BINARY(16)", "not valid here"),
        (decimal(0), "MEDIUMBLOB", "precision 0"),
        (decimal(None), "MEDIUMBLOB", "precision None"),
        (decimal(True), "MEDIUMBLOB", "precision True"),
        (decimal(4, 5), "MEDIUMBLOB", "scale 5"),
        (decimal(4, -1), "MEDIUMBLOB", "scale -1"),
        (decimal(4, "2"), "MEDIUMBLOB", "scale '2'"),
        (fixed(2, logicalType="decimal", precision=5), "BINARY(2)", "2 bytes hold 4 digits, not 5"),
        ({"type": "string", "maxLength": 0}, "MEDIUMTEXT", "maxLength 0"),
        ({"type": "string", "maxLength": "64"}, "MEDIUMTEXT", "maxLength '64'"),
    ],
)
def test_what_is_ignored_leaves_the_base_type_and_one_warning(avro_type: Any, column: str, warning: str) -> None:
    layout = layout_of(avro_type)
    assert sql(layout.columns[0]) == column
    assert layout.columns[0].of.logical is None
    (said,) = layout.warnings
    assert said.startswith("field 'x'")
    assert warning in said


def test_a_logical_type_beside_the_type_is_ignored_and_corrected() -> None:
    layout = layout_of("long", logicalType="timestamp-millis")
    assert layout.columns[0].of.logical is None
    assert '"type": {"type": "long", "logicalType": "timestamp-millis"}' in layout.warnings[0]


def test_nanoseconds_say_so() -> None:
    comments = [
        shape_of(logical("long", word), doc="when").comment for word in ("timestamp-nanos", "local-timestamp-nanos")
    ]
    assert comments == [
        "when: nanoseconds since 1970-01-01 00:00:00 UTC",
        "when: nanoseconds since 1970-01-01 00:00:00 of local time",
    ]


@pytest.mark.parametrize(
    ("avro_type", "said"),
    [
        ("strng", "unknown type 'strng'"),
        ("com.exam.Other", "unknown type 'com.exam.Other'"),
        (["null", ["int"]], "directly inside a union"),
        (["null", "null"], "names a branch twice"),
        (["int", "int"], "names a branch twice"),
        (5, "not 5"),
        (None, "not None"),
        ({}, "not {}"),
        ({"type": ["null", "int"]}, "whose `type` is a name"),
        ({"type": {"type": "string"}}, "whose `type` is a name"),
        ({"type": 5}, "whose `type` is a name"),
        ({"type": "fixed", "name": "F"}, "`size`"),
        ({"type": "fixed", "size": 4}, "the name None"),
        ({"type": "fixed", "name": "2d2", "size": 4}, "the name '2d2' of this fixed"),
        ({"type": "fixed", "name": "string", "size": 4}, "'string' is taken already"),
        ({"type": "fixed", "name": "r", "size": 4}, "'r' is taken already"),
        (fixed(-1), "`size`"),
        ({"type": "enum", "name": "E"}, "field 'x', enum E: an enum needs an array `symbols`"),
        (enum("A", "A"), "the symbol 'A' is there twice"),
        (enum("a b"), "'a b' is no symbol"),
        ({**enum("A"), "default": "B"}, "the default 'B' is none of the symbols"),
        ({"type": "array"}, "needs `items`"),
        ({"type": "map"}, "needs `values`"),
        ({"type": "array", "items": {"type": "map", "values": "strng"}}, "field 'x', items, values: unknown type"),
        (
            ["null", {**RECORD, "fields": [{"name": "a", "type": []}, {"name": "a"}]}],
            "branch 2, record Address: field 'a'",
        ),
        ({**RECORD, "fields": [{"name": "a", "type": "strng"}]}, "field 'x', record Address, field 'a': unknown type"),
        (["int", {"type": "int", "logicalType": "date"}], "names a branch twice"),
        ({"type": "fixed", "name": "F", "size": True}, "`size`"),
    ],
)
def test_invalid_types_are_refused(avro_type: Any, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        layout_of(avro_type)
    assert "field 'x'" in str(caught.value)
    assert said in str(caught.value)


def test_types_may_be_only_so_deep() -> None:
    deep: Any = "int"
    for _ in range(MAX_DEPTH):
        deep = {"type": "array", "items": deep}
    assert sql(shape_of(deep)) == "JSON"
    with pytest.raises(SchemaError, match=f"more than {MAX_DEPTH} deep"):
        shape_of({"type": "array", "items": deep})


def test_a_name_is_found_in_its_namespace_and_in_none() -> None:
    outer = {
        "type": "record",
        "name": "a.b.Outer",
        "fields": [{"name": "f", "type": fixed(2)}, {"name": "g", "type": "F"}],
    }
    fields = [
        {"name": "x", "type": {"type": "fixed", "name": "Plain", "size": 1}},
        {"name": "y", "type": {**outer, "fields": [*outer["fields"], {"name": "h", "type": "Plain"}]}},
        {"name": "z", "type": "a.b.F"},
    ]
    shapes = table_layout({"type": "record", "name": "r", "fields": fields}, table="t").columns
    assert [inner.name for _, inner in shapes[1].of.fields] == ["a.b.F", "a.b.F", "Plain"]
    assert shapes[2].of.size == 2
