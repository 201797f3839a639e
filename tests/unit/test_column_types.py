import pickle
from typing import Any

import pytest
from sqlalchemy.dialects import mysql

from avro_schemas.column_types import COLUMN_TYPES, ColumnShape
from avro_schemas.errors import SchemaError
from avro_schemas.field_types import LOGICAL_TYPES, PRIMITIVES
from avro_schemas.table_layout import table_layout

ASCII = " CHARACTER SET ascii COLLATE ascii_bin"


def fixed(size: int, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": "F", "size": size, **more}


def logical(base: str, word: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": word, **more}


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
    ({"type": {"type": "string"}}, "MEDIUMTEXT"),
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
]


@pytest.mark.parametrize(("avro_type", "expected"), COLUMNS)
def test_the_column_of_each_type(avro_type: Any, expected: str) -> None:
    shape = shape_of(avro_type)
    assert sql(shape) == expected
    assert shape.nullable is (avro_type == "null")
    assert (shape.branches, shape.null_index) == (0, None)
    assert layout_of(avro_type).warnings == ()


def test_every_pair_of_type_and_logical_type_has_a_column() -> None:
    pairs: set[tuple[str, str | None]] = {(base, None) for base in (*PRIMITIVES, "fixed")}
    pairs |= {(base, word) for word, bases in LOGICAL_TYPES.items() for base in bases}
    assert set(COLUMN_TYPES) == pairs


@pytest.mark.parametrize(
    ("union", "nullable", "branches", "null_index"),
    [(["null", "long"], True, 2, 0), (["long", "null"], True, 2, 1), (["long"], False, 1, None)],
)
def test_nullable_unions(union: list[Any], nullable: bool, branches: int, null_index: int | None) -> None:
    shape = shape_of(union)
    assert sql(shape) == "BIGINT"
    assert (shape.nullable, shape.branches, shape.null_index) == (nullable, branches, null_index)


def test_a_union_of_null_alone_is_a_null() -> None:
    shape = shape_of(["null"])
    assert (shape.avro_type, shape.nullable, shape.branches, shape.null_index) == ("null", True, 1, 0)


@pytest.mark.parametrize(("avro_type", "expected"), COLUMNS[1:])
def test_a_nullable_field_has_the_column_of_its_type(avro_type: Any, expected: str) -> None:
    shape = shape_of(["null", avro_type])
    assert (sql(shape), shape.nullable) == (expected, True)


def test_what_a_shape_keeps_of_the_type() -> None:
    number = shape_of(["null", decimal(10, 2)])
    assert (number.avro_type, number.logical, number.precision, number.scale) == ("bytes", "decimal", 10, 2)
    assert shape_of({"type": "string", "maxLength": 64}).size == 64
    assert shape_of("string", maxLength=64).size == 64
    assert shape_of(fixed(16, logicalType="uuid")).size == 16
    assert shape_of("string").size == 0


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
    assert layout.columns[0].logical is None
    (said,) = layout.warnings
    assert said.startswith("field 'x': ")
    assert warning in said


def test_a_logical_type_beside_the_type_is_ignored_and_corrected() -> None:
    layout = layout_of("long", logicalType="timestamp-millis")
    assert layout.columns[0].logical is None
    assert '"type": {"type": "long", "logicalType": "timestamp-millis"}' in layout.warnings[0]


RECORD = {"type": "record", "name": "Address", "fields": [{"name": "street", "type": "string"}]}


@pytest.mark.parametrize(
    ("avro_type", "named"),
    [
        ({"type": "enum", "name": "Colour", "symbols": ["A"]}, "enum 'Colour'"),
        ({"type": "array", "items": "int"}, "array"),
        ({"type": "map", "values": "int"}, "map"),
        (RECORD, "record 'Address'"),
        (["null", RECORD], "record 'Address'"),
        (["int", "string"], "union [int, string]"),
        (["null", "int", "string"], "union [null, int, string]"),
        ("r", "recursive type 'r'"),
        (["null", "r"], "recursive type 'r'"),
        (logical("long", "timestamp-nanos"), "timestamp-nanos"),
        (logical("long", "local-timestamp-nanos"), "local-timestamp-nanos"),
        (logical("bytes", "big-decimal"), "big-decimal"),
        (fixed(12, logicalType="duration"), "duration"),
    ],
)
def test_types_without_a_column_are_refused_by_name(avro_type: Any, named: str) -> None:
    with pytest.raises(SchemaError) as caught:
        layout_of(avro_type)
    assert "schema of 't': field 'x'" in str(caught.value)
    assert named in str(caught.value)
    assert "no column yet; allowed are null, boolean" in str(caught.value)


@pytest.mark.parametrize(
    ("avro_type", "said"),
    [
        ("strng", "unknown type 'strng'"),
        ("com.exam.Other", "unknown type 'com.exam.Other'"),
        ([], "at least one branch"),
        (["null", ["int"]], "directly inside a union"),
        (["null", "null"], "names a branch twice"),
        (["int", "int"], "names a branch twice"),
        (5, "not 5"),
        (None, "not None"),
        ({}, "not {}"),
        ({"type": ["null", "int"]}, "must be a name"),
        ({"type": 5}, "must be a name"),
        ({"type": "fixed", "name": "F"}, "`size`"),
        ({"type": "fixed", "size": 4}, "`name`"),
        (fixed(0), "`size`"),
        ({"type": "fixed", "name": "F", "size": True}, "`size`"),
    ],
)
def test_invalid_types_are_refused(avro_type: Any, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        layout_of(avro_type)
    assert "field 'x'" in str(caught.value)
    assert said in str(caught.value)
