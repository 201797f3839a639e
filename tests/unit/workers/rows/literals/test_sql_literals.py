from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.layout import table_layout
from tests.support.samples.schema_parts import logical
from workers.rows.literals.sql_literals import literals_for


def column(avro_type: Any) -> ColumnShape:
    schema = {"type": "record", "name": "r", "fields": [{"name": "f", "type": avro_type}]}
    return table_layout(schema, table="t").columns[0]


def one(avro_type: Any, value: Any) -> str:
    return literals_for(column(avro_type))([value])[0]


@pytest.mark.parametrize(
    ("avro_type", "value", "expected"),
    [
        ("boolean", True, "1"),
        ("int", -5, "-5"),
        ("long", 2**63 - 1, "9223372036854775807"),
        ("double", 0.1, "0.1"),
        ("double", 1e300, "1e+300"),
        ("string", "plain", "'plain'"),
        ("string", "it's \\ \n\0\x1a", "'it''s \\\\ \\n\\0\\Z'"),
        ("string", "%s", "'%s'"),
        ("bytes", b"\0\xff", "X'00ff'"),
        ("bytes", b"", "X''"),
        (["null", "string"], None, "NULL"),
        (["null", "string"], "NULL", "'NULL'"),
        (logical("bytes", "decimal", precision=5, scale=2), b"\xff", "-0.01"),
        (logical("bytes", "decimal", precision=5, scale=2), (12345).to_bytes(3, "big"), "123.45"),
        (logical("bytes", "decimal", precision=5, scale=0), b"\x07", "7"),
        (logical("bytes", "decimal", precision=70, scale=0), b"\x07", "'7'"),
        (logical("int", "date"), 0, "'1970-01-01'"),
        (logical("int", "date"), -719162, "'0001-01-01'"),
        (logical("int", "time-millis"), 1, "'00:00:00.001'"),
        (logical("long", "time-micros"), -3_600_000_001, "'-01:00:00.000001'"),
        (logical("long", "timestamp-millis"), -1, "'1969-12-31 23:59:59.999'"),
        (logical("long", "timestamp-micros"), 1_700_000_000_000_001, "'2023-11-14 22:13:20.000001'"),
        (logical("string", "uuid"), "01234567-89AB-cdef-0123-456789abcdef", "'01234567-89AB-cdef-0123-456789abcdef'"),
    ],
)
def test_a_value_as_sql(avro_type: Any, value: Any, expected: str) -> None:
    assert one(avro_type, value) == expected


@pytest.mark.parametrize(
    ("avro_type", "value", "why"),
    [
        ("double", float("nan"), "NaN"),
        ("float", float("-inf"), "infinity"),
        (logical("bytes", "decimal", precision=2, scale=1), (100).to_bytes(1, "big"), "more than 2 digits"),
        (logical("int", "date"), 3_000_000, "years"),
        (logical("int", "date"), -719163, "years"),
        (logical("long", "timestamp-millis"), 2**62, "years"),
        (logical("long", "time-micros"), 838 * 3_600_000_000 + 3_600_000_000, "838"),
        (logical("string", "uuid"), "not-a-uuid", "UUID"),
        (logical("string", "uuid"), "{01234567-89ab-cdef-0123-456789abcdef", "UUID"),
    ],
)
def test_a_value_that_no_column_holds_is_refused_without_quoting_it(avro_type: Any, value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        one(avro_type, value)
    assert "not-a-uuid" not in str(caught.value)


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))))
def test_nulls_stay_where_they_are(values: list[int | None]) -> None:
    texts = literals_for(column(["null", "long"]))(values)
    assert texts == ["NULL" if value is None else str(value) for value in values]


@given(st.integers(-(10**20) + 1, 10**20 - 1), st.integers(0, 20))
def test_a_decimal_keeps_every_digit(unscaled: int, scale: int) -> None:
    from decimal import Decimal  # noqa: PLC0415

    raw = unscaled.to_bytes(10, "big", signed=True)
    text = one(logical("bytes", "decimal", precision=20, scale=scale), raw)
    assert Decimal(text) == Decimal(unscaled).scaleb(-scale)
