import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT, VARCHAR
from sqlalchemy.types import BINARY, VARBINARY

from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.own_tables.offsets import OFFSETS, offsets_table
from avro_schemas.tables.row_budget import MAX_PAGE, MAX_ROW, row_bytes
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SchemaError, SettingsError

WHERE = ("_kafka_partition", "_kafka_offset")


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "r", "namespace": "com.exam", "fields": list(fields), **more}


def field(name: str, avro_type: Any = "int", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": avro_type, **more}


def bounded(length: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": length}


def layout_of(*fields: Any, **more: Any) -> TableLayout:
    return table_layout(record(*fields, **more), table="t")


def test_columns_follow_the_fields() -> None:
    layout = layout_of(field("b"), field("a", ["null", "string"]))
    assert layout.name == str(layout.table.name) == "t"
    assert [column.name for column in layout.table.columns] == ["b", "a"] == [shape.name for shape in layout.columns]
    assert [column.nullable for column in layout.table.columns] == [False, True]
    assert not layout.table.primary_key.columns
    assert layout.metadata == ()


def test_metadata_columns_come_last_and_are_the_key() -> None:
    layout = table_layout(record(field("a")), table="t", rules=TableRules(metadata=tuple(WHERE[::-1])))
    assert [column.name for column in layout.table.columns] == ["a", *WHERE]
    assert [column.name for column in layout.table.primary_key.columns] == list(WHERE) == list(layout.metadata)
    assert [shape.name for shape in layout.columns] == ["a"]


@pytest.mark.parametrize("names", [WHERE[:1], WHERE[1:], [*WHERE, "_when"], ["x"]])
def test_other_metadata_columns_are_refused(names: list[str]) -> None:
    with pytest.raises(SettingsError, match="_kafka_offset"):
        table_layout(record(field("a")), table="t", rules=TableRules(metadata=tuple(names)))


def test_a_renamed_column_tells_its_field() -> None:
    layout = layout_of(field("a"), field("A", doc="the big one"), field("_kafka_offset"))
    assert [shape.name for shape in layout.columns] == ["a", "A_6dcd4c", "_kafka_offset_08cc55"]
    assert [shape.field for shape in layout.columns] == ["a", "A", "_kafka_offset"]
    assert layout.columns[0].comment is None
    assert layout.columns[1].comment == "Avro field A: the big one"
    assert layout.columns[2].comment == "Avro field _kafka_offset"


def test_docs_become_comments_that_the_servers_take() -> None:
    layout = layout_of(field("a", doc="x" * 1025), field("b", doc="y" * 1024), field("c", doc=5), doc="z" * 3000)
    assert layout.columns[0].comment == "x" * 1021 + "..."
    assert layout.columns[1].comment == "y" * 1024
    assert layout.columns[2].comment is None
    assert layout.table.comment == "z" * 2045 + "..."
    assert layout.table.columns["a"].comment == layout.columns[0].comment


@pytest.mark.parametrize("schema", ["string", ["null", "string"], {"type": "map", "values": "int"}])
def test_what_is_no_record_is_one_column(schema: Any) -> None:
    layout = table_layout(schema, table="t")
    assert [(shape.name, shape.field) for shape in layout.columns] == [("value", "value")]


def test_a_record_without_fields_has_the_place_of_its_messages() -> None:
    layout = table_layout({"type": "record", "name": "r", "fields": []}, table="t")
    assert layout.metadata == tuple(WHERE)
    assert "no field" in layout.warnings[0]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "record", "fields": []}, "the name None of the record"),
        ({"type": "record", "name": "a-b", "fields": []}, "the name 'a-b'"),
        ({"type": "error"}, "the name None"),
        ({"type": "enum"}, "field 'value': the name None"),
        ({}, "field 'value': a type is"),
        (None, "field 'value': a type is"),
    ],
)
def test_what_is_no_schema_is_refused(schema: Any, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        table_layout(schema, table="t")
    assert f"schema of 't': {said}" in str(caught.value)


@pytest.mark.parametrize("fields", [None, {}, "x"])
def test_a_record_needs_fields(fields: Any) -> None:
    with pytest.raises(SchemaError, match="needs an array `fields`"):
        table_layout({"type": "record", "name": "r", "fields": fields}, table="t")


def test_every_invalid_field_is_named_at_once() -> None:
    with pytest.raises(SchemaError) as caught:
        layout_of({"type": "int"}, field("a"), field("a"), {"name": "b"}, 5, field(""))
    for said in ("field 1 has no name", "'a' is there twice", "'b' has no type", "field 5 has no", "field 6 has no"):
        assert said in str(caught.value)


def test_every_field_of_an_invalid_type_is_named_at_once() -> None:
    with pytest.raises(SchemaError) as caught:
        layout_of(field("a", "nothing"), field("b"), field("c", {"type": "array"}))
    assert "'a'" in str(caught.value)
    assert "'b'" not in str(caught.value)
    assert "'c'" in str(caught.value)


def test_a_fixed_is_used_again_by_its_name() -> None:
    mac = {"type": "fixed", "name": "Mac", "size": 6}
    layout = layout_of(field("a", mac), field("b", "Mac"), field("c", ["null", "com.exam.Mac"]))
    assert [shape.of.size for shape in layout.columns] == [6, 6, 6]
    with pytest.raises(SchemaError, match=r"unknown type 'org\.Mac'"):
        layout_of(field("a", mac), field("b", "org.Mac"))


def test_the_longest_texts_give_way_until_a_row_fits() -> None:
    layout = layout_of(field("a", bounded(9000)), field("b", bounded(9001)), field("c", bounded(9)))
    assert [type(shape.type) for shape in layout.columns] == [VARCHAR, MEDIUMTEXT, VARCHAR]
    assert layout.columns[1].of.size == 9001


def test_the_page_gives_way_to_short_texts() -> None:
    """MariaDB counts 62 characters, 248 bytes, whole: 32 such columns fit into a page and 33 do not."""
    assert {type(shape.type) for shape in layout_of(*(field(f"f{i}", bounded(62)) for i in range(32))).columns} == {
        VARCHAR
    }
    kinds = [type(shape.type) for shape in layout_of(*(field(f"f{i}", bounded(62)) for i in range(40))).columns]
    assert kinds[0] is MEDIUMTEXT
    assert kinds[-1] is VARCHAR


@pytest.mark.parametrize(
    ("count", "avro_type"), [(200, "string"), (1015, "long"), (200, {"type": "fixed", "name": "F", "size": 255})]
)
def test_too_wide_a_row_says_by_how_much(count: int, avro_type: Any) -> None:
    types = [avro_type] + ["F" if isinstance(avro_type, dict) else avro_type] * (count - 1)
    with pytest.raises(SchemaError, match=rf"table 't': {count} columns need [\d,]+ bytes a page where 8,125 fit"):
        layout_of(*(field(f"f{i}", one) for i, one in enumerate(types)))


def test_fixed_bytes_become_blobs_where_a_row_is_too_wide_the_last_ones_first() -> None:
    types = [{"type": "fixed", "name": "F", "size": 200}, *["F"] * 40]
    kinds = [type(shape.type) for shape in layout_of(*(field(f"f{i}", one) for i, one in enumerate(types))).columns]
    assert kinds == [BINARY] * 40 + [MEDIUMBLOB]


def test_a_fixed_of_few_bytes_stays() -> None:
    types = [{"type": "fixed", "name": "F", "size": 16}, *["F"] * 40, bounded(16_000), bounded(16_000)]
    kinds = [type(shape.type) for shape in layout_of(*(field(f"f{i}", one) for i, one in enumerate(types))).columns]
    assert kinds == [BINARY] * 41 + [MEDIUMTEXT, VARCHAR]


def test_too_many_columns() -> None:
    with pytest.raises(SchemaError, match="1018 columns"):
        layout_of(*(field(f"f{i}", "null") for i in range(1018)))


TYPES = st.one_of(
    st.sampled_from(["null", "boolean", "int", "long", "float", "double", "string", "bytes"]),
    st.integers(1, 20000).map(bounded),
    st.integers(1, 70000).map(lambda size: {"type": "bytes", "maxLength": size}),
    st.integers(1, 80).map(lambda digits: {"type": "bytes", "logicalType": "decimal", "precision": digits}),
    st.just({"type": "string", "logicalType": "uuid"}),
)


@given(st.lists(TYPES, min_size=1, max_size=60))
def test_what_is_accepted_is_within_both_limits(types: list[Any]) -> None:
    layout = layout_of(*(field(f"f{i}", one) for i, one in enumerate(types)))
    costs = [row_bytes(shape.type) for shape in layout.columns]
    assert sum(one.row for one in costs) + 8 <= MAX_ROW
    assert sum(one.page for one in costs) + 32 <= MAX_PAGE
    changed = [s for s in layout.columns if s.of.size and not isinstance(s.type, VARCHAR | VARBINARY)]
    assert all(shape.of.avro_type in {"string", "bytes"} for shape in changed)


def test_the_offsets_table_has_the_columns_of_the_original_and_more() -> None:
    assert [column.name for column in OFFSETS.columns][:4] == ["topic", "partition", "consumer_group", "offset"]
    assert [column.name for column in OFFSETS.primary_key.columns] == ["topic", "partition", "consumer_group"]
    needed = [c.name for c in OFFSETS.columns if not c.nullable and c.server_default is None]
    assert needed == ["topic", "partition", "consumer_group", "offset"]
    assert offsets_table(MetaData()) is not OFFSETS


def test_layouts_load_neither_kafka_nor_fastavro() -> None:
    code = "import sys, avro_schemas.tables.layout; sys.exit(bool({'confluent_kafka', 'fastavro'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
