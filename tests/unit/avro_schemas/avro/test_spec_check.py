from typing import Any

import fastavro
import pytest

from avro_schemas.avro.spec_check import spec_problems
from avro_schemas.avro.type_reader import read_record

POINT = {
    "type": "record",
    "name": "Point",
    "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "int", "default": 0}],
}
SUIT = {"type": "enum", "name": "Suit", "symbols": ["SPADES", "HEARTS"]}
MAC = {"type": "fixed", "name": "Mac", "size": 2}


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "r", "namespace": "com.exam", "fields": list(fields), **more}


def judged(avro: Any, default: Any) -> tuple[list[str], list[str]]:
    schema = record({"name": "f", "type": avro, "default": default})
    read_record(schema)
    return spec_problems(schema)


GOOD = [
    ("null", None),
    ("boolean", False),
    ("int", -(1 << 31)),
    ("long", (1 << 63) - 1),
    ("float", 1),
    ("double", -1.5),
    ("string", ""),
    ("bytes", "\u00ff"),
    (SUIT, "HEARTS"),
    (MAC, "ab"),
    ({"type": "array", "items": "int"}, []),
    ({"type": "array", "items": ["null", "int"]}, [1, None]),
    ({"type": "map", "values": "boolean"}, {"a": True}),
    (POINT, {"x": 1}),
    (POINT, {"x": 1, "y": 2, "z": "nobody reads it"}),
    (["null", "string"], None),
    ({"type": "int", "logicalType": "date"}, 5),
    ({"type": "bytes", "logicalType": "decimal", "precision": 4}, "\u0001"),
]
BAD = [
    ("null", 0),
    ("boolean", "true"),
    ("boolean", 1),
    ("int", 1 << 31),
    ("int", 1.0),
    ("int", True),
    ("long", 1 << 63),
    ("float", "1"),
    ("double", None),
    ("string", None),
    ("bytes", 1),
    (SUIT, 1),
    (MAC, None),
    ({"type": "array", "items": "int"}, [1, "2"]),
    ({"type": "array", "items": "int"}, {}),
    ({"type": "map", "values": "int"}, {"a": None}),
    ({"type": "map", "values": "int"}, []),
    (POINT, {"y": 1}),
    (POINT, {"x": "1"}),
    (POINT, []),
    (["null", "string"], 1),
    ([], None),
]


@pytest.mark.parametrize(("avro", "default"), GOOD)
def test_defaults_that_fit(avro: Any, default: Any) -> None:
    assert judged(avro, default) == ([], [])


@pytest.mark.parametrize(("avro", "default"), BAD)
def test_defaults_that_do_not_fit(avro: Any, default: Any) -> None:
    (problem,), warnings = judged(avro, default)
    assert problem.startswith("field 'f': the default ")
    assert warnings == []


@pytest.mark.parametrize("default", ["x", {"x": 1}, 7])
def test_a_default_may_fit_any_branch_with_a_word_of_warning(default: Any) -> None:
    problems, (warning,) = judged(["null", "int", "string", POINT], default)
    assert problems == []
    assert "before 1.12" in warning


@pytest.mark.parametrize(
    ("avro", "default", "said"),
    [
        (SUIT, "CLUBS", "none of the symbols"),
        (["null", SUIT], "CLUBS", "none of the symbols"),
        (MAC, "abc", "3 bytes, and the type 2"),
        ("bytes", "\u0100", "above"),
    ],
)
def test_what_avro_for_java_lets_through_is_a_warning(avro: Any, default: Any, said: str) -> None:
    problems, warnings = judged(avro, default)
    assert problems == []
    assert said in warnings[-1]


def test_the_place_of_a_default_far_inside() -> None:
    inner = record({"name": "price", "type": "double", "default": "0"}, name="Line", namespace="x")
    lines = {"type": "array", "items": ["null", {"type": "map", "values": inner}]}
    problems, _ = spec_problems(record({"name": "lines", "type": lines}))
    place = "field 'lines', items, branch 2, values, record Line, field 'price'"
    assert problems == [f"{place}: the default '0' does not fit the type double"]
    assert spec_problems(["null", inner])[0] == [
        "branch 2, record Line, field 'price': the default '0' does not fit the type double"
    ]


def test_a_default_of_a_type_by_its_name() -> None:
    fields = [{"name": "a", "type": SUIT}, {"name": "b", "type": "Suit", "default": "SPADES"}]
    more = [{"name": "c", "type": "com.exam.Suit", "default": 1}, {"name": "d", "type": ["null", "r"], "default": {}}]
    problems, _ = spec_problems(record(*fields, *more))
    assert [problem.partition(":")[0] for problem in problems] == ["field 'c'", "field 'd'"]


def test_a_record_that_is_its_own_default_comes_to_an_end() -> None:
    schema = record({"name": "a", "type": ["r", "null"], "default": {"a": {"a": {}}}})
    assert spec_problems(schema) == ([], [])


def test_ways_to_fit_that_multiply_take_no_time() -> None:
    branches = [
        record({"name": "a", "type": ["null", *(f"S{other}" for other in range(number + 1))]}, name=f"S{number}")
        for number in range(15)
    ]
    default: Any = 5
    for _ in range(60):
        default = {"a": default}
    schema = record({"name": "f", "type": branches, "default": default})
    read_record(schema)
    assert len(spec_problems(schema)[0]) == 1


@pytest.mark.parametrize("aliases", ["a", [1], None, {}])
def test_aliases_are_an_array_of_names(aliases: Any) -> None:
    for schema in (
        record(aliases=aliases),
        record({"name": "a", "type": "int", "aliases": aliases}),
        record({"name": "a", "type": {**SUIT, "aliases": aliases}}),
    ):
        assert "`aliases` is an array of names" in spec_problems(schema)[0][0]
    assert spec_problems(record({"name": "a", "type": "int", "aliases": ["b"]}, aliases=[])) == ([], [])


def test_sort_orders() -> None:
    fields = [{"name": f"f{order}", "type": "int", "order": order} for order in ("ascending", "ignore", "up", None)]
    problems, _ = spec_problems(record(*fields))
    assert len(problems) == 2


@pytest.mark.parametrize(("avro", "default"), GOOD)
def test_fastavro_takes_the_good_ones(avro: Any, default: Any) -> None:
    fastavro.parse_schema(record({"name": "f", "type": avro, "default": default}))
