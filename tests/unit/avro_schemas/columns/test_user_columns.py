"""What a column that people made takes as it is, told from its type; and which columns keep keys apart."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.columns.column_types import KEY_COLLATION, ColumnShape
from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.notes import float_notes, losses
from avro_schemas.columns.user_column import user_column
from avro_schemas.tables.evolution import Placement, place
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.rules import PLAIN, TableRules
from avro_schemas.tables.unfit import TableUnfitError
from supervisor.verify.forms.table_values import from_table
from supervisor.verify.forms.values import from_message
from workers.rows.literals.sql_literals import literals_for
from workers.rows.row_encoder import RowEncoder

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
UUID = {"type": "string", "logicalType": "uuid"}
ENUM = {"type": "enum", "name": "e", "symbols": ["a", "A"]}


def layout(kind: Any, rules: TableRules = PLAIN) -> TableLayout:
    schema = {"type": "record", "name": "r", "fields": [{"name": "f", "type": kind}]}
    return table_layout(schema, table="t", rules=rules)


def placed(
    kind: Any, words: str, charset: str | None = None, collation: str | None = None, **more: Any
) -> tuple[Placement, FoundTable]:
    """Where the field goes in a table of people's own, with a column of these words."""
    table = {name: more.pop(name) for name in ("mariadb", "prefixes") if name in more}
    rules = TableRules(**more)
    found = FoundColumn(words, nullable=not rules.key, charset=charset, collation=collation)
    there = FoundTable({"f": found}, rules.key, **table)
    mine = layout(kind, rules)
    return place(mine, there, rules, lambda: Lineage((mine,))), there


def column(kind: Any, words: str, charset: str | None = None) -> ColumnShape:
    placement, _ = placed(kind, words, charset, charset and f"{charset}_bin")
    assert not placement.refused
    return placement.layout.columns[0]


def test_the_words_of_a_type_are_taken_apart() -> None:
    found = user_column(FoundColumn("decimal(10,2) unsigned zerofill", nullable=True))
    assert (found.kind, found.precision, found.unsigned, found.zerofill) == ("decimal", (10, 2), True, True)
    assert user_column(FoundColumn("enum('it''s','b\\\\s','x,y')", nullable=True)).members == ("it's", "b\\s", "x,y")
    assert user_column(FoundColumn("text /*M!100301 COMPRESSED*/", nullable=True)).kind == "text"
    assert user_column(FoundColumn("year(4)", nullable=True)).kind == "year"
    for unknown in ("year(2)", "geometry", "vector(3)", "enum()", "xmltype", "set('a'"):
        assert user_column(FoundColumn(unknown, nullable=True)).kind == "", unknown


@pytest.mark.parametrize(
    ("kind", "words", "told"),
    [
        (DECIMAL, "decimal(10,2)", "refuses values of more than 2 decimal places and values of more than 8 digits"),
        (MILLIS, "datetime", "refuses fractions of a second"),
        (MILLIS, "timestamp(3)", "refuses times before 1970-01-01 00:00:01 or after 2038-01-19 03:14:07 UTC"),
        (MILLIS, "date", "refuses moments but midnight"),
        (MILLIS, "bigint", "takes timestamp-millis as the number that it is and refuses numbers below -9,223,"),
        ("double", "int", "refuses fractions and numbers below -2,147,483,648 or above 2,147,483,647"),
        ("double", "float", "refuses numbers that 4 bytes do not hold exactly"),
        ("string", "set('a')", "refuses texts that are not some of its members, in their order"),
        ("string", "year", "refuses texts that are not written as year shows them"),
    ],
    ids=str,
)
def test_what_a_column_refuses_is_told(kind: Any, words: str, told: str) -> None:
    assert f"column f {words}: {told}" in losses([column(kind, words)])["f"]


def test_a_text_column_tells_of_length_and_characters() -> None:
    told = losses([column("string", "varchar(9)", "latin1")])["f"]
    assert told.endswith("refuses texts of more than 9 characters and characters that latin1 has not")
    assert losses([column("string", "longtext", "utf16")]) == {}  # it takes every text


def test_a_float_shows_six_digits_wherever_it_came_from() -> None:
    for words in ("float", "float unsigned"):
        [note] = float_notes([column("float", words)])
        assert 'columns.f.mysql = "DOUBLE"' in note
    assert float_notes([column("double", "double")]) == []


def test_columns_that_rtpipe_made_are_not_looked_at() -> None:
    for kind in ("long", "string", "double", DECIMAL, MILLIS, ENUM, UUID):
        mine = layout(kind)
        words, text = mine.columns[0].type, getattr(mine.columns[0].type, "charset", None)
        found = FoundColumn(type_of(words), nullable=False, charset=text or ("utf8mb4" if kind == "string" else None))
        assert place(mine, FoundTable({"f": found}), PLAIN).layout.columns[0].user_column is None, kind


def type_of(kind: Any) -> str:
    from avro_schemas.columns.type_text import type_words  # noqa: PLC0415

    return type_words(kind)


def test_settings_and_tables_that_do_not_go_together() -> None:
    with pytest.raises(TableUnfitError, match="`lossy` names amuont"):
        placed("long", "int", lossy=("amuont",))
    assert placed("long", "int", lossy=("f",))[0].layout.columns[0].lossy
    refused, _ = placed("string", "geometry")
    assert 'lossy = ["f"]' in str(refused.refused[0])
    assert not placed("string", "geometry", lossy=("f",))[0].refused
    mine = layout("int", TableRules(metadata=("_kafka_timestamp",)))
    there = {"f": FoundColumn("int", nullable=False), "_kafka_timestamp": FoundColumn("datetime", nullable=True)}
    with pytest.raises(TableUnfitError, match=r"_kafka_timestamp datetime, .*datetime\(3\)"):
        place(mine, FoundTable(there), TableRules(metadata=("_kafka_timestamp",)))


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["float(7,2)", "decimal(10,2)", "int"]))
def test_a_number_that_goes_in_is_the_same_to_verify(value: float, words: str) -> None:
    shape = column("double", words)
    try:
        [literal] = literals_for(shape)([value])
    except ValueError:
        return
    assert float(literal) == value
    assert from_message([shape], [shape])({"f": value}) == from_table([shape])([literal])


def test_a_lossy_column_counts_what_it_changes() -> None:
    placement, _ = placed(DECIMAL, "decimal(10,2)", lossy=("f",))
    encoder = RowEncoder(placement.layout, {"type": "record", "name": "r", "fields": []}, 0, 1)
    [(_, _, changed)] = encoder._lossy
    raw = [(12_345).to_bytes(4, "big"), (12_300).to_bytes(4, "big")]
    assert literals_for(placement.layout.columns[0])(raw) == ["1.2345", "1.2300"]
    assert [changed(one) for one in raw] == [True, False]


BIN, NOPAD = KEY_COLLATION, "utf8mb4_nopad_bin"


@pytest.mark.parametrize(
    ("kind", "words", "collation", "mariadb", "why"),
    [
        ("string", "varchar(255)", BIN, False, ""),
        ("string", "varchar(255)", BIN, True, "does not see spaces"),  # MariaDB takes the name for one that pads
        ("string", "varchar(255)", NOPAD, True, ""),
        ("string", "varchar(20)", BIN, False, ""),
        ("string", "varchar(255)", "utf8mb4_bin", False, "does not see spaces"),
        ("string", "varchar(255)", "utf8mb4_0900_as_cs", False, "takes different keys for the same"),
        ("string", "varchar(255)", "utf8mb4_general_nopad_ci", True, "takes different keys for the same"),
        ("string", "varchar(255)", "latin1_nopad_bin", True, ""),
        ("string", "varchar(255)", "ascii_bin", False, "does not see spaces"),
        ("string", "varbinary(9)", None, False, ""),
        ("string", "binary(9)", None, False, "may change a value"),
        ("string", "char(255)", BIN, False, "drops spaces"),
        ("string", "int", None, False, "may change a value"),
        (ENUM, "varchar(64)", "ascii_bin", False, ""),
        (ENUM, "varchar(64)", "ascii_general_ci", False, "takes different keys for the same"),
        (UUID, "char(36)", "ascii_bin", False, ""),
        (UUID, "char(36)", "utf8mb4_general_ci", False, "takes different keys for the same"),
        ("long", "bigint unsigned", None, False, ""),
        ("long", "decimal(10,2)", None, False, "may change a value"),
        (MILLIS, "datetime", None, False, "may change a value"),
        (MILLIS, "timestamp(3)", None, False, "may change a value"),
        (DECIMAL, "decimal(10,2)", None, False, "may change a value"),
    ],
    ids=str,
)
def test_key_columns_keep_keys_apart(kind: Any, words: str, collation: str | None, mariadb: bool, why: str) -> None:
    charset = collation and collation.partition("_")[0]
    rules: dict[str, Any] = {"mode": "upsert", "key": ("f",), "mariadb": mariadb}
    placement, _ = placed(kind, words, charset, collation, **rules)
    said = " ".join(map(str, placement.refused))
    assert why in said
    assert bool(said) is bool(why)
    if why:
        assert "repair it by: ALTER TABLE `t` MODIFY `f` " in said


def test_a_key_of_the_beginning_of_a_column_is_refused() -> None:
    placement, _ = placed("string", "varchar(255)", "utf8mb4", BIN, mode="upsert", key=("f",), prefixes={"f": 10})
    assert "compares only the first 10" in str(placement.refused[0])


def test_columns_survive_the_way_to_a_worker() -> None:
    import pickle  # noqa: PLC0415

    shape = column(DECIMAL, "decimal(10,2)")
    assert pickle.loads(pickle.dumps(shape)).user_column == shape.user_column
    assert dataclasses.replace(shape, user_column=None) != shape


def micros(logical: str, base: str = "long") -> dict[str, str]:
    return {"type": base, "logicalType": logical}


@pytest.mark.parametrize(
    ("kind", "words", "raw", "text", "other"),
    [
        ("int", "decimal(12,2)", 5, "5.00", "5.01"),
        ("long", "varchar(30)", 5, "5", "6"),
        ("boolean", "bit(1)", True, "1", "0"),
        ("double", "bigint", 3.0, "3", "4"),
        ("double", "decimal(12,2)", 2.5, "2.50", "2.51"),
        (DECIMAL, "varchar(40)", (12_500).to_bytes(3, "big"), "1.2500", "1.25001"),
        (DECIMAL, "decimal(20,6)", (-12_500).to_bytes(3, "big", signed=True), "-1.250000", "1.250000"),
        (micros("date", "int"), "datetime", 1, "1970-01-02 00:00:00", "1970-01-03 00:00:00"),
        (micros("date", "int"), "varchar(20)", 1, "1970-01-02", "1970-01-01"),
        (micros("timestamp-millis"), "varchar(40)", 1_500, "1970-01-01 00:00:01.500", "1970-01-01 00:00:01.501"),
        (micros("time-millis", "int"), "time(3)", 1_500, "00:00:01.500", "00:00:02.500"),
        (micros("time-micros"), "varchar(20)", 1_500_000, "00:00:01.500000", "00:00:01"),
        ({"type": "array", "items": "int"}, "json", [1, 2], "[1,2]", "[2,1]"),
        ({"type": "array", "items": "int"}, "longtext", [1, 2], "[1, 2]", "[1, 2"),
        ("string", "varbinary(20)", "ab", b"ab", b"ac"),
        ({"type": "fixed", "name": "f1", "size": 1}, "bit(8)", b"\x05", "5", "6"),
        ("bytes", "text", b"ab", "ab", "ac"),
        ({"type": "array", "items": "int"}, "text", [1, 2], "[1,2]", "[2,1]"),
        ("long", "varchar(30)", 5, "5", "five"),
    ],
)
def test_verify_finds_a_value_equal_in_whatever_type_people_keep_it(
    kind: Any, words: str, raw: Any, text: Any, other: Any
) -> None:
    """And another value different."""
    charset = "utf8mb4" if words.startswith(("varchar", "longtext", "text")) else None
    there = column(kind, words, charset)
    sent = from_message([layout(kind).columns[0]], [there])({"f": raw})
    assert sent == from_table([there])([text])
    assert sent != from_table([there])([other])
