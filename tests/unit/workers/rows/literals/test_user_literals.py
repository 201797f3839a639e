"""Values for columns that people made: what such a column stores as it is becomes its literal, all else is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from avro_schemas.columns.found_table import FoundColumn
from avro_schemas.columns.user_column import user_column
from avro_schemas.tables.layout import table_layout
from workers.rows.literals.sql_literals import literals_for

TEXT, BYTES, LONG, DOUBLE = "string", "bytes", "long", "double"
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
DATE = {"type": "int", "logicalType": "date"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
TIME = {"type": "int", "logicalType": "time-millis"}
ARRAY = {"type": "array", "items": "int"}
REFUSED = "refused"  #: no literal is written so
DAY, SECOND = 86_400_000, 1_000


def literal(kind: Any, words: str, value: Any, charset: str | None = None) -> str:
    """The literal of a value for a column of these words. ValueError if the column would change the value."""
    schema = {"type": "record", "name": "r", "fields": [{"name": "f", "type": kind}]}
    [made] = table_layout(schema, table="t").columns
    user = user_column(FoundColumn(words, nullable=True, charset=charset))
    return literals_for(dataclasses.replace(made, user_column=user, nullable=True))([value])[0]


def unscaled(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


@pytest.mark.parametrize(
    ("kind", "words", "value", "written"),
    [
        (TEXT, "varchar(3)", "abc", "'abc'"),
        (TEXT, "varchar(3)", "it's", REFUSED),
        (TEXT, "varchar(9)", "it's", "'it''s'"),
        (TEXT, "char(3)", "ab", "'ab'"),
        (TEXT, "char(3)", "ab ", REFUSED),
        (TEXT, "tinytext", "a" * 255, f"'{'a' * 255}'"),
        (TEXT, "tinytext", "a" * 256, REFUSED),
        (TEXT, "tinytext", "😀" * 64, REFUSED),
        (TEXT, "binary(3)", "abc", "'abc'"),
        (TEXT, "binary(3)", "ab", REFUSED),
        (TEXT, "varbinary(4)", "😀", "'😀'"),
        (TEXT, "varbinary(3)", "😀", REFUSED),
        (TEXT, "enum('a','b')", "b", "2"),
        (TEXT, "enum('a','b')", "2", REFUSED),
        (TEXT, "enum('a','b')", "c", REFUSED),
        (TEXT, "set('a','b','c')", "a,c", "5"),
        (TEXT, "set('a','b','c')", "", "0"),
        (TEXT, "set('a','b','c')", "c,a", REFUSED),
        (TEXT, "set('a','b','c')", "a,a", REFUSED),
        (TEXT, "set('a','b','c')", "d", REFUSED),
        (TEXT, "uuid", "6ccd780c-baba-1026-9564-5b8c656024db", "'6ccd780c-baba-1026-9564-5b8c656024db'"),
        (TEXT, "uuid", "6CCD780C-baba-1026-9564-5b8c656024db", REFUSED),
        (TEXT, "inet4", "10.0.0.1", "'10.0.0.1'"),
        (TEXT, "inet4", "10.0.0.01", REFUSED),
        (TEXT, "inet6", "::1", "'::1'"),
        (TEXT, "inet6", "::5.6.7.8", REFUSED),
        (TEXT, "inet6", "fe80::1%eth0", REFUSED),
        (TEXT, "json", '{"a":1}', "'{\"a\":1}'"),
        (TEXT, "json", "{", REFUSED),
        (TEXT, "json", "NaN", REFUSED),
        (TEXT, "json", '{"a":1,"a":2}', REFUSED),
        (TEXT, "json", "18446744073709551616", REFUSED),
        (TEXT, "json", "0.1000000000000000055", REFUSED),
        (TEXT, "json", "0.5", "'0.5'"),
        (TEXT, "int", "7", "'7'"),
        (TEXT, "int", "07", REFUSED),
        (TEXT, "int", "2147483648", REFUSED),
        (TEXT, "int unsigned", "-1", REFUSED),
        (TEXT, "decimal(4,2)", "12.50", "'12.50'"),
        (TEXT, "decimal(4,2)", "12.5", REFUSED),
        (TEXT, "decimal(4,2)", "-0.00", REFUSED),
        (TEXT, "decimal(2,2)", "0.50", "'0.50'"),
        (TEXT, "decimal", "1234567890", "'1234567890'"),
        (TEXT, "decimal", "12345678901", REFUSED),
        (TEXT, "year", "1999", "'1999'"),
        (TEXT, "year", "0000", "'0000'"),
        (TEXT, "year", "1899", REFUSED),
        (TEXT, "date", "2024-02-29", "'2024-02-29'"),
        (TEXT, "date", "2023-02-29", REFUSED),
        (TEXT, "datetime(3)", "2024-01-31 12:00:00.500", "'2024-01-31 12:00:00.500'"),
        (TEXT, "datetime", "2024-01-31 12:00:00.5", REFUSED),
        (TEXT, "timestamp", "2024-01-31 12:00:00", "'2024-01-31 12:00:00'"),
        (TEXT, "timestamp", "2039-01-31 12:00:00", REFUSED),
        (TEXT, "time", "-12:00:00", "'-12:00:00'"),
        (TEXT, "time", "838:59:59", "'838:59:59'"),
        (TEXT, "time", "839:00:00", REFUSED),
        (TEXT, "time", "-00:00:00", REFUSED),
        (BYTES, "binary(3)", b"abc", "X'616263'"),
        (BYTES, "binary(3)", b"ab", REFUSED),
        (BYTES, "varbinary(3)", b"ab", "X'6162'"),
        (BYTES, "varbinary(3)", b"abcd", REFUSED),
        (BYTES, "tinyblob", b"a" * 256, REFUSED),
        (BYTES, "bit(12)", b"\x0f\xff", "X'0fff'"),
        (BYTES, "bit(12)", b"\x10\x00", REFUSED),
        (BYTES, "bit(12)", b"\xff", REFUSED),
        (BYTES, "varchar(4)", "ü".encode(), "'ü'"),
        (BYTES, "varchar(4)", b"\xff", REFUSED),
        (LONG, "int", 7, "7"),
        (LONG, "int", 1 << 31, REFUSED),
        (LONG, "tinyint unsigned", 255, "255"),
        (LONG, "tinyint unsigned", -1, REFUSED),
        (LONG, "decimal(4,2)", 99, "99"),
        (LONG, "decimal(4,2)", 100, REFUSED),
        (LONG, "decimal(4,2) unsigned", -1, REFUSED),
        (LONG, "float", 1 << 24, "16777216.0"),
        (LONG, "float", (1 << 24) + 1, REFUSED),
        (LONG, "double", (1 << 53) + 1, REFUSED),
        (LONG, "double unsigned", -1, REFUSED),
        (LONG, "year", 1999, "1999"),
        (LONG, "year", 0, "0"),
        (LONG, "year", 99, REFUSED),
        (LONG, "bit(4)", 15, "15"),
        (LONG, "bit(4)", 16, REFUSED),
        (LONG, "varchar(3)", 123, "'123'"),
        (DOUBLE, "int", 7.0, "7"),
        (DOUBLE, "int", 7.5, REFUSED),
        (DOUBLE, "decimal(4,2)", 1.25, "1.25"),
        (DOUBLE, "decimal(4,2)", 1.125, REFUSED),
        (DOUBLE, "float", 0.5, "0.5"),
        (DOUBLE, "float", 0.1, REFUSED),
        (DOUBLE, "float", 1e300, REFUSED),
        (DOUBLE, "double", -0.0, "-0e0"),
        (DOUBLE, "double", float("nan"), REFUSED),
        (DOUBLE, "double(4,2)", 12.25, "12.25"),
        (DOUBLE, "double(4,2)", 12.125, REFUSED),
        (DOUBLE, "double(4,2)", 123.0, REFUSED),
        (DECIMAL, "decimal(4,2)", unscaled(1250), "12.50"),
        (DECIMAL, "decimal(4,1)", unscaled(1250), "12.50"),
        (DECIMAL, "decimal(4,1)", unscaled(1255), REFUSED),
        (DECIMAL, "int", unscaled(1200), "12"),
        (DECIMAL, "int", unscaled(1250), REFUSED),
        (DECIMAL, "double", unscaled(10), "0.1"),
        (DECIMAL, "decimal(20,2)", unscaled(10**12), REFUSED),
        (DATE, "date", 1, "'1970-01-02'"),
        (DATE, "datetime", 1, "'1970-01-02'"),
        (DATE, "int", 1, "1"),
        (DATE, "date", 10**7, REFUSED),
        (MILLIS, "datetime(3)", 1_500, "'1970-01-01 00:00:01.500'"),
        (MILLIS, "datetime", 1_500, REFUSED),
        (MILLIS, "datetime", 2_000, "'1970-01-01 00:00:02'"),
        (MILLIS, "date", DAY, "'1970-01-02'"),
        (MILLIS, "date", DAY + SECOND, REFUSED),
        (MILLIS, "timestamp", 0, REFUSED),
        (MILLIS, "timestamp", SECOND, "'1970-01-01 00:00:01'"),
        (MICROS, "datetime(6)", 1, "'1970-01-01 00:00:00.000001'"),
        (MICROS, "datetime(3)", 1, REFUSED),
        (TIME, "time(3)", 1_500, "'00:00:01.500'"),
        (TIME, "time", 1_500, REFUSED),
        (ARRAY, "varchar(9)", [1, 2], "'[1,2]'"),
        (ARRAY, "varchar(3)", [1, 2], REFUSED),
    ],
    ids=repr,
)
def test_a_value_goes_in_as_it_is_or_not_at_all(kind: Any, words: str, value: Any, written: Any) -> None:
    charset = "utf8mb4" if words.startswith(("varchar", "char", "tinytext", "enum", "set")) else None
    if written != REFUSED:
        assert literal(kind, words, value, charset) == written
        return
    with pytest.raises(ValueError, match=r"\w") as found:
        literal(kind, words, value, charset)
    assert isinstance(value, (int, float)) or len(str(value)) < 4 or str(value) not in str(found.value)


@pytest.mark.parametrize(
    ("charset", "good", "bad"),
    [
        ("ascii", "a", "ü"),
        ("latin1", "€\x81", "漢"),
        ("utf8mb3", "漢", "😀"),
        ("ucs2", "漢", "😀"),
        ("utf8mb4", "😀", ""),
    ],
)
def test_a_character_that_the_columns_set_has_not_is_refused_by_name(charset: str, good: str, bad: str) -> None:
    assert literal(TEXT, "varchar(9)", good, charset) == f"'{good}'"
    if bad:
        with pytest.raises(ValueError, match=charset):
            literal(TEXT, "varchar(9)", bad, charset)


@pytest.mark.parametrize(
    ("charset", "most"),
    [("latin1", 255), ("ucs2", 127), ("utf32", 63), ("utf16", 127), ("utf8mb4", 127), ("cp932", 63)],
)
def test_a_text_counts_the_bytes_of_its_characters_in_the_columns_set(charset: str, most: int) -> None:
    assert literal(TEXT, "tinytext", "é" * most, charset)
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        literal(TEXT, "tinytext", "é" * (most + 1), charset)


def test_null_goes_in_and_lossy_columns_take_what_the_server_makes_of_it() -> None:
    assert literal(TEXT, "int", None) == "NULL"
    schema = {"type": "record", "name": "r", "fields": [{"name": "f", "type": TEXT}]}
    [made] = table_layout(schema, table="t").columns
    user = user_column(FoundColumn("int", nullable=True))
    lossy = dataclasses.replace(made, user_column=user, nullable=True, lossy=True)
    assert literals_for(lossy)(["seven", None]) == ["'seven'", "NULL"]
