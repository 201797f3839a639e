"""Fields that a row has no room for: which ones, in what column, and that they stay there. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.changes import AddColumn
from avro_schemas.tables.evolution import place
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.lineage import lineage_of
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SchemaError, SettingsError
from supervisor.verify.forms.values import from_message
from tests.support.samples.found_tables import table_of
from tests.support.samples.schema_parts import field
from workers.rows.literals.json_values import json_text

JSON = TableRules(overflow="json")


def schema_of(*names: str, kind: Any = "string") -> dict[str, Any]:
    return {"type": "record", "name": "r", "fields": [field(name, kind) for name in names]}


def many(count: int, start: int = 0) -> list[str]:
    return [f"f{n}" for n in range(start, start + count)]


def layout(schema: Any, rules: TableRules = JSON) -> TableLayout:
    return table_layout(schema, table="t", rules=rules)


def names(shapes: Sequence[ColumnShape]) -> tuple[list[str], list[str]]:
    """The columns, and the fields in the overflow."""
    columns = [shape.name for shape in shapes if not shape.parts]
    return columns, [part.name for shape in shapes for part in shape.parts]


def test_a_row_that_has_room_has_no_overflow() -> None:
    assert names(layout(schema_of(*many(190))).columns) == (many(190), [])
    assert not layout(schema_of(*many(190))).warnings


@pytest.mark.parametrize("kind", ["string", {"type": "array", "items": "int"}, "bytes"])
@pytest.mark.parametrize("count", [199, 432, 2_000])
def test_the_first_fields_are_columns_and_the_rest_is_in_one(count: int, kind: Any) -> None:
    made = layout(schema_of(*many(count), kind=kind))
    columns, inside = names(made.columns)
    assert columns + inside == many(count)
    assert 190 < len(columns) < 198
    assert made.table.columns["_overflow"].nullable
    assert f"{len(inside):,} fields have no room" in made.warnings[-1]
    with pytest.raises(SchemaError):
        layout(schema_of(*many(count), kind=kind), TableRules())


def test_columns_that_the_settings_name_are_columns() -> None:
    rules = TableRules(overflow="json", mode="upsert", key=("f400",), columns={"f401": "VARCHAR(9)"})
    columns, inside = names(layout(schema_of(*many(432)), rules).columns)
    assert {"f400", "f401"} <= set(columns)
    assert sorted(columns + inside) == sorted(many(432))


def test_a_field_of_that_name_is_told() -> None:
    with pytest.raises(SettingsError, match="_overflow"):
        layout(schema_of("_overflow", *many(432)))


def test_a_field_never_moves() -> None:
    """Through versions in which fields come first, go, and come back."""
    versions = [
        schema_of(*many(300)),
        schema_of(*many(20, 1_000), *many(300)),
        schema_of(*many(150)),
        schema_of(*reversed(many(310))),
    ]
    table = table_of(layout(versions[0]))
    before, _ = names(layout(versions[0]).columns)
    for schema in versions:
        placement = place(layout(schema), table, JSON, lambda: lineage_of(versions, "t", JSON))
        columns, inside = names(placement.layout.columns)
        assert not [change for change in placement.changes if isinstance(change, AddColumn)]
        assert set(columns) <= set(before)
        assert not set(inside) & set(before)
        assert sorted(columns + inside) == sorted(one["name"] for one in schema["fields"])


def test_a_table_that_had_room_gets_the_overflow_and_no_other_column() -> None:
    table = table_of(layout(schema_of(*many(150))))
    placement = place(layout(schema_of(*many(100, 1_000), *many(150))), table, JSON)
    assert [change.column for change in placement.changes] == ["_overflow"]
    assert names(placement.layout.columns) == (many(150), many(100, 1_000))
    small = place(layout(schema_of("new", *many(150))), table, JSON)
    assert [change.column for change in small.changes] == ["new"]


def test_a_table_in_which_versions_of_other_fields_have_no_room_together_gets_the_overflow() -> None:
    versions = [schema_of(*many(120)), schema_of("f0", *many(120, 1_000))]
    table = table_of(layout(versions[0]))
    placement = place(layout(versions[1]), table, JSON, lambda: lineage_of(versions, "t", JSON))
    assert "_overflow" in [change.column for change in placement.changes]
    assert names(placement.layout.columns) == (["f0"], many(120, 1_000))


def test_the_overflow_holds_the_values_as_json_and_verify_reads_the_same() -> None:
    kinds = {"f900": ["null", "bytes"], "f901": {"type": "long", "logicalType": "timestamp-millis"}, "f902": "double"}
    schema = schema_of(*many(300))
    schema["fields"] += [field(name, kind) for name, kind in kinds.items()]
    shape = layout(schema).columns[-1]
    record = {name: name for name in many(300)} | {"f900": b"\xff", "f901": 0, "f902": 1.5}
    found = json.loads(json_text(shape)(record))
    assert list(found) == [part.name for part in shape.parts]
    assert (found["f299"], found["f900"], found["f901"], found["f902"]) == (
        "f299",
        "/w==",
        "1970-01-01T00:00:00.000Z",
        1.5,
    )
    [text] = from_message([shape], [shape])(record)
    assert json.loads(str(text)) == found
    with pytest.raises(ValueError, match="NaN"):
        json_text(shape)(record | {"f902": float("nan")})


def test_a_flattened_field_is_in_it_by_the_name_of_its_column() -> None:
    inner = {"type": "record", "name": "i", "fields": [field("city", "string")]}
    schema = schema_of(*many(300))
    schema["fields"].append(field("home", ["null", inner]))
    shape = layout(schema, TableRules(overflow="json", flatten=1, rename={"f298": "renamed"})).columns[-1]
    record: dict[str, Any] = {name: name for name in many(300)} | {"home": {"city": "x"}}
    found = json.loads(json_text(shape)(record))
    assert (found["home__city"], found["renamed"]) == ("x", "f298")
    assert json.loads(json_text(shape)(record | {"home": None}))["home__city"] is None
