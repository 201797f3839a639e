from __future__ import annotations

import datetime
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.layout import table_layout
from rtpipe.mysql.quoting import quoted
from supervisor.verify.forms.shown_values import shown
from supervisor.verify.forms.table_values import from_table, select_list
from supervisor.verify.forms.values import digest, from_message
from tests.support.samples.schema_parts import logical

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 -- DATETIME has no zone
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 50, "scale": 3}


def column(kind: Any) -> ColumnShape:
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": kind}]}
    return table_layout(schema, table="t").columns[0]


def sent(kind: Any, raw: Any) -> Any:
    return from_message([column(kind)], [column(kind)])({"x": raw})[0]


def stored(kind: Any, text: Any) -> Any:
    return from_table([column(kind)])([text])[0]


@given(INT64)
def test_integers(number: int) -> None:
    assert sent("long", number) == stored("long", str(number)) == number


@pytest.mark.parametrize(("value", "text"), [(True, "1"), (False, "0")])
def test_booleans(value: bool, text: str) -> None:
    assert digest((sent("boolean", value),)) == digest((stored("boolean", text),))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles(number: float) -> None:
    assert digest((sent("double", number),)) == digest((stored("double", repr(number)),))


def test_minus_zero_is_zero_and_no_number_equals_nothing() -> None:
    assert digest((sent("double", -0.0),)) == digest((stored("double", "0"),))
    assert math.isnan(sent("float", math.nan))


@given(st.integers(-(10**49), 10**49))
def test_decimals(unscaled: int) -> None:
    raw = unscaled.to_bytes(21, "big", signed=True)
    text = format(Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -3)), "f")
    assert sent(DECIMAL, raw) == stored(DECIMAL, text) == unscaled
    assert shown(column(DECIMAL), unscaled) == text


@pytest.mark.parametrize("text", ["1.2345", "NaN", "", "1e9", "x"])
def test_decimals_that_are_none_stay_text(text: str) -> None:
    assert stored(DECIMAL, text) == text


def test_a_decimal_may_have_fewer_digits_behind_the_point() -> None:
    assert stored(DECIMAL, "12") == 12_000
    assert stored(DECIMAL, "-0.5") == -500


@given(st.dates())
def test_dates(day: datetime.date) -> None:
    kind, number = logical("int", "date"), day.toordinal() - 719_163
    assert sent(kind, number) == stored(kind, day.isoformat()) == number
    assert shown(column(kind), number) == day.isoformat()


@given(st.integers(-3_020_399_999, 3_020_399_999))
def test_times_of_more_than_a_day_and_of_less_than_none(millis: int) -> None:
    seconds, rest = divmod(abs(millis), 1000)
    sign = "-" if millis < 0 else ""
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
    kind = logical("int", "time-millis")
    assert sent(kind, millis) == stored(kind, text)
    assert shown(column(kind), millis * 1000) == text + "000"


@given(st.datetimes())
def test_timestamps(at: datetime.datetime) -> None:
    micros = (at - EPOCH) // datetime.timedelta(microseconds=1)
    for name in ("timestamp-micros", "local-timestamp-micros"):
        kind = logical("long", name)
        assert sent(kind, micros) == stored(kind, at.isoformat(" ", "microseconds")) == micros
    millis = logical("long", "timestamp-millis")
    cut = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert sent(millis, micros // 1000) == stored(millis, cut.isoformat(" ", "milliseconds"))
    assert shown(column(millis), micros) == at.isoformat(" ")


def test_what_does_not_parse_equals_nothing() -> None:
    assert stored(logical("long", "timestamp-millis"), "0000-00-00 00:00:00.000") == "0000-00-00 00:00:00.000"
    assert stored(logical("int", "date"), "0000-00-00") == "0000-00-00"
    assert stored("long", "many") == stored("double", "many") == stored(logical("int", "time-millis"), "many") == "many"
    assert shown(column(logical("long", "timestamp-micros")), 1 << 62) == 1 << 62


def test_text_bytes_and_null_stay_apart() -> None:
    values = [None, "", b"", "None", "NULL", "0", 0, b"0", " "]
    assert len({digest((value,)) for value in values}) == len(values)
    assert stored(["null", "string"], None) is None is sent(["null", "string"], None)
    assert shown(column("bytes"), b"\x00\xff") == "0x00ff"


def test_a_field_that_the_message_lacks_is_null() -> None:
    assert from_message([], [column(["null", "int"])])({}) == (None,)


def test_a_column_of_the_whole_record_beside_one_of_a_field() -> None:
    """As the one for fields that a row has no room for: its path is empty."""
    whole = replace(column({"type": "map", "values": "int"}), name="all", path=())
    both = [column("int"), whole]
    assert from_message(both, both)({"x": 1})[0] == 1


def test_an_old_message_meets_a_wider_column() -> None:
    (row,) = from_message([column("int")], [column("double")])({"x": 1})
    assert digest((row,)) == digest((stored("double", "1"),))


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(), st.binary()), min_size=2, max_size=2, unique_by=repr))
def test_digests_tell_columns_apart(pair: list[Any]) -> None:
    assert digest((pair[0], pair[1])) != digest((pair[1], pair[0]))


def test_select_reads_a_float_as_a_double() -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "float"}]}
    assert select_list(table_layout(schema, table="t").columns) == "`a`, `b` + 0e0"
    assert quoted("a`b") == "`a``b`"
