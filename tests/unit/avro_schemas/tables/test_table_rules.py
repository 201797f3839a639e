"""What a topic's settings make of its table: names, types, keys, flattened records."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.dialects.mysql import dialect

from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.rules import TableRules
from infra.tables.ddl import create_table_sql
from rtpipe.errors import SettingsError
from workers.rows.row_encoder import RowEncoder

ADDRESS = {
    "type": "record",
    "name": "Address",
    "fields": [
        {"name": "city", "type": "string"},
        {
            "name": "geo",
            "type": ["null", {"type": "record", "name": "Geo", "fields": [{"name": "lat", "type": "int"}]}],
        },
    ],
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "r",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "n", "type": ["null", "long"]},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "ns", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "ratio", "type": "double"},
        {"name": "uid", "type": {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"}},
        {"name": "address", "type": ADDRESS},
    ],
}


def layout(**rules: Any) -> TableLayout:
    return table_layout(SCHEMA, table="t", rules=TableRules(**rules))


def types(found: TableLayout) -> dict[str, str]:
    return {one.name: str(one.type.compile(dialect=dialect())) for one in found.columns}


def test_include_exclude_and_rename() -> None:
    assert list(types(layout(include=("id", "n")))) == ["id", "n"]
    assert list(types(layout(exclude=("address", "ns", "uid", "ratio")))) == ["id", "n", "amount", "at"]
    found = layout(include=("id", "n"), rename={"n": "number"})
    assert [(one.field, one.name, one.comment) for one in found.columns][1] == ("n", "number", "Avro field n")
    with pytest.raises(SettingsError, match="'n' cannot become column 'id'"):
        layout(rename={"n": "id"})


def test_flattened_records_are_columns_of_their_own() -> None:
    one = layout(flatten=1, include=("address",))
    assert [(column.name, column.nullable) for column in one.columns] == [
        ("address__city", False),
        ("address__geo", True),
    ]
    assert types(one)["address__geo"] == "JSON"
    two = layout(flatten=2, include=("address",))
    assert [(column.name, column.path, column.nullable) for column in two.columns][1] == (
        "address__geo__lat",
        ("address", "geo", "lat"),
        True,
    )
    assert list(types(layout(flatten=2, include=("address",), exclude=("address.city",)))) == ["address__geo__lat"]


def test_a_key_is_bounded_exact_and_not_null() -> None:
    found = layout(mode="upsert", key=("id", "n"), include=("id", "n"))
    assert found.key == ("id", "n")
    sql = create_table_sql(found.table)
    assert "`id` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL" in sql
    assert "`n` BIGINT NOT NULL" in sql
    assert "PRIMARY KEY (`id`, `n`)" in sql
    assert "COLLATE utf8mb4_nopad_bin NOT NULL" in create_table_sql(found.table, mariadb=True)
    encoder = RowEncoder(found, SCHEMA, partition=0, schema_id=1)
    assert encoder.suffix == " ON DUPLICATE KEY UPDATE `id` = `id`"


@pytest.mark.parametrize(("key", "why"), [("nothing", "no field"), ("ratio", "cannot be a key"), ("address", "cannot")])
def test_a_key_that_cannot_be_one(key: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        layout(mode="upsert", key=(key,))


def test_an_upsert_takes_new_values_and_resets_what_its_schema_has_not() -> None:
    found = layout(mode="upsert", key=("id",), include=("id", "n"), tombstones="soft_delete")
    assert found.metadata == ("_deleted",)
    encoder = RowEncoder(found, SCHEMA, partition=0, schema_id=1)
    assert encoder.suffix == " ON DUPLICATE KEY UPDATE `n` = VALUES(`n`), `_deleted` = VALUES(`_deleted`)"


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("id", "VARCHAR(64)"),
        ("id", "enum('a', 'it''s')"),
        ("n", "DECIMAL(20)"),
        ("amount", "DECIMAL(20,4)"),
        ("at", "BIGINT"),
        ("at", "DATETIME(6)"),
        ("uid", "CHAR(36)"),
        ("address", "LONGTEXT"),
    ],
)
def test_types_that_settings_may_name(field: str, written: str) -> None:
    assert (
        types(layout(columns={field: written}))[field]
        .lower()
        .replace(" ", "")
        .startswith(written.lower().replace(" ", "").partition("(")[0])
    )


@pytest.mark.parametrize(
    ("field", "written", "why"),
    [
        ("id", "VARCHAR", "no column type"),
        ("id", "VARCHAR(64) NOT NULL", "no column type"),
        ("id", "GEOMETRY", "there are bigint"),
        ("id", "INT", "does not hold string"),
        ("n", "DOUBLE", "does not hold long"),
        ("n", "DECIMAL(20,2)", "after the point"),
        ("amount", "DECIMAL(8,1)", "does not hold decimal"),
        ("at", "DATETIME", "fewer digits"),
        ("uid", "CHAR(12)", "too short"),
        ("ratio", "DECIMAL(9,2)", "does not hold double"),
        ("address", "VARCHAR(64)", "no text of any length"),
    ],
)
def test_types_that_would_change_a_value_are_refused(field: str, written: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        layout(columns={field: written})


def test_nanoseconds_as_a_datetime() -> None:
    assert types(layout(nanos="datetime6"))["ns"] == "DATETIME(6)"


def test_settings_for_fields_that_are_not_there_are_told() -> None:
    found = layout(exclude=("n", "emial"), rename={"id": "ident", "gone": "x"}, columns={"adress": "JSON"})
    assert found.warnings == (
        "exclude names field 'emial', which this schema lacks",
        "rename names field 'gone', which this schema lacks",
        "columns names field 'adress', which this schema lacks",
    )
    assert layout(flatten=1, include=("address",), exclude=("address.city",)).warnings == ()
