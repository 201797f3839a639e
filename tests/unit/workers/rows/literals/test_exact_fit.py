"""A column that is too narrow takes what it holds exactly, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from avro_schemas.columns.type_text import found_type
from avro_schemas.tables.layout import table_layout
from workers.rows.literals.exact_fit import TooNarrow
from workers.rows.literals.sql_literals import literals_for

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}


def render(kind: Any, words: str, value: Any, charset: str | None = None) -> str:
    """The literal of a value of this Avro type for a column of that type."""
    schema = {"type": "record", "name": "r", "fields": [{"name": "f", "type": kind}]}
    column = table_layout(schema, table="t").columns[0]
    there = found_type(words, charset, charset and f"{charset}_bin")
    assert there is not None
    return literals_for(replace(column, type=there, narrow="ALTER …"))([value])[0]


def cents(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


@pytest.mark.parametrize(
    ("kind", "words", "fits", "beyond"),
    [
        ("long", "int", [2**31 - 1, -(2**31)], [2**31, -(2**31) - 1]),
        ("int", "smallint", [32_767], [32_768]),
        ("double", "float", [0.5, 0.0, -1.0, float.fromhex("0x1.fffffep+127")], [0.1, 1e39, 16_777_217.0]),
        ("double", "int", [5.0, -(2.0**31)], [5.5, 2.0**31, 1e300]),
        (DECIMAL, "decimal(4,2)", [cents(9999), cents(-9999)], [cents(10_000)]),
        ("string", "varchar(3)", ["abc", "äöü", ""], ["abcd"]),
        ("string", "tinytext", ["ä" * 127], ["ä" * 128]),
        ("string", "char(5)", ["ab"], ["ab ", "abcdef"]),
        ("bytes", "varbinary(2)", [b"ab"], [b"abc"]),
        ("bytes", "binary(2)", [b"ab"], [b"a", b"abc"]),
        ("bytes", "varchar(3)", [b"abc"], [b"abcd"]),
        ("string", "varbinary(3)", ["abc"], ["äö"]),
        (MILLIS, "datetime", [5_000], [5_001]),
        (MICROS, "datetime(3)", [5_000], [5_001]),
        ({"type": "int", "logicalType": "time-millis"}, "time", [1_000], [1_001]),
        ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, "enum('A')", ["A"], ["B"]),
    ],
    ids=str,
)
def test_what_fits_exactly_goes_in(kind: Any, words: str, fits: list[Any], beyond: list[Any]) -> None:
    for value in fits:
        assert render(kind, words, value)
    for value in beyond:
        with pytest.raises(TooNarrow, match="widening it copies the table: ALTER …"):
            render(kind, words, value)


def test_ascii_columns_take_ascii() -> None:
    assert render("string", "varchar(9)", "plain", "ascii") == "'plain'"
    with pytest.raises(TooNarrow):
        render("string", "varchar(9)", "gr\u00fc\u00df", "ascii")


def test_null_fits_everywhere_and_nan_nowhere() -> None:
    assert render(["null", "long"], "int", None) == "NULL"
    for words in ("float", "int"):
        with pytest.raises(ValueError, match="NaN") as refused:
            render("double", words, float("nan"))
        assert not isinstance(refused.value, TooNarrow)  # a dead letter, however wide the column
