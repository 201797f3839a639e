"""Every row of the rule table, in both directions: where a field lands, and what must change first. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import AddColumn, MakeNullable, Widen, is_left_to_people
from avro_schemas.tables.evolution import Placement, place
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.rules import PLAIN, TableRules
from avro_schemas.tables.unfit import TableUnfitError
from tests.support.samples.found_tables import table_of
from tests.support.samples.schema_parts import field, logical, text

Field = dict[str, Any]
PLACE = ("_kafka_partition", "_kafka_offset")


def layout(*fields: Field, rules: TableRules = PLAIN) -> TableLayout:
    return table_layout({"type": "record", "name": "r", "fields": list(fields)}, table="t", rules=rules)


def evolved(old: Any, new: Any, **rules: Any) -> Placement:
    """A table made for field x of one type, and what becomes of x of another."""
    chosen = TableRules(**rules)
    return place(layout(field("x", new), rules=chosen), table_of(layout(field("x", old), rules=chosen)), chosen)


def told(placement: Placement) -> list[str]:
    return [str(change) for change in placement.changes]


UNION = ["int", "string"]
MILLIS, MICROS = logical("long", "timestamp-millis"), logical("long", "timestamp-micros")
ENUM = {"type": "enum", "name": "e", "symbols": ["A"]}
LONG_ENUM = {"type": "enum", "name": "e", "symbols": ["A", "B" * 100]}
POINT = {"type": "record", "name": "p", "fields": [field("x", "int")]}


def decimal(precision: int, scale: int) -> Field:
    return logical("bytes", "decimal", precision=precision, scale=scale)


@pytest.mark.parametrize(
    "pair",
    [
        ("int", "int"),
        ("long", "int"),
        ("double", "float"),
        ("double", "int"),
        (text(64), text(20)),
        ("string", text(20)),
        ("string", ENUM),
        ("string", logical("string", "uuid")),
        (LONG_ENUM, ENUM),
        (ENUM, {**ENUM, "symbols": ["B"]}),
        (decimal(12, 2), decimal(10, 2)),
        (MICROS, MILLIS),
        (logical("long", "time-micros"), logical("int", "time-millis")),
        ("bytes", "string"),
        ("string", "bytes"),
        ("bytes", {"type": "fixed", "name": "f", "size": 4}),
        (POINT, {**POINT, "fields": [field("y", "string")]}),
        ({"type": "array", "items": "int"}, {"type": "map", "values": "string"}),
        (["null", "int"], "int"),
        (["null", "int"], "null"),
    ],
    ids=str,
)
def test_the_column_stays_as_it_is(pair: tuple[Any, Any]) -> None:
    placement = evolved(*pair)
    assert not placement.changes
    assert not placement.refused
    [column] = placement.layout.columns
    assert (column.name, column.narrow) == ("x", "")


@pytest.mark.parametrize(
    ("old", "new", "cost", "wider"),
    [
        ("int", "long", Cost.COPY, "bigint"),
        ("float", "double", Cost.COPY, "double"),
        ("int", "double", Cost.COPY, "double"),
        (decimal(10, 2), decimal(12, 2), Cost.COPY, "decimal(12,2)"),
        (text(20), text(63), Cost.IN_PLACE, "varchar(63)"),
        (text(20), text(64), Cost.COPY, "varchar(64)"),
        (text(64), text(200), Cost.IN_PLACE, "varchar(200)"),
        (text(64), "string", Cost.COPY, "mediumtext"),
        (ENUM, LONG_ENUM, Cost.IN_PLACE, "varchar(100)"),
        (ENUM, "string", Cost.COPY, "mediumtext"),
        (text(64), "bytes", Cost.COPY, "mediumtext"),
        ({"type": "fixed", "name": "f", "size": 4}, "bytes", Cost.COPY, "mediumblob"),
        ({"type": "bytes", "maxLength": 10}, {"type": "bytes", "maxLength": 255}, Cost.IN_PLACE, "varbinary(255)"),
        ({"type": "bytes", "maxLength": 10}, {"type": "bytes", "maxLength": 256}, Cost.COPY, "varbinary(256)"),
        ({"type": "bytes", "maxLength": 10}, "string", Cost.COPY, "mediumblob"),
    ],
    ids=str,
)
def test_the_column_is_widened_and_narrow_until_then(old: Any, new: Any, cost: Cost, wider: str) -> None:
    placement = evolved(old, new)
    [change] = placement.changes
    assert isinstance(change, Widen)
    assert (change.column, change.cost, type_words(change.type)) == ("x", cost, wider)
    [column] = placement.layout.columns
    assert (column.name, column.narrow) == ("x", str(change))
    assert type_words(column.type) == change.old


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (MILLIS, MICROS),
        (MILLIS, "long"),
        ("long", MILLIS),
        (logical("int", "date"), "int"),
        ("int", logical("int", "date")),
        (logical("int", "date"), MILLIS),
        (logical("int", "time-millis"), logical("long", "time-micros")),
        (logical("int", "time-millis"), "int"),
        (MICROS, logical("long", "timestamp-nanos")),
        ("long", logical("long", "timestamp-nanos")),
        (logical("long", "timestamp-nanos"), "long"),
        (logical("string", "uuid"), "string"),
        (decimal(10, 2), "bytes"),
        ("bytes", decimal(10, 2)),
        ("long", "double"),
        ("double", "long"),
        ("long", "float"),
    ],
    ids=str,
)
def test_what_means_something_else_gets_a_column_of_its_own(old: Any, new: Any) -> None:
    placement = evolved(old, ["null", new])
    wanted = layout(field("x", new)).columns[0]
    adding, *nulls = placement.changes
    assert isinstance(adding, AddColumn)
    assert (adding.column, adding.cost, type_words(adding.type)) == ("x_v2", Cost.INSTANT, type_words(wanted.type))
    assert adding.default is None
    assert (adding.comment or "").startswith("Avro field x")
    assert [column.name for column in placement.layout.columns] == ["x_v2"]
    assert [str(change) for change in nulls] == ["let column x be NULL (this schema has no field for it)"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("string", "int"),
        ("int", "string"),
        ("boolean", "int"),
        ("int", "boolean"),
        ("string", MILLIS),
        (decimal(10, 2), decimal(10, 3)),
        (decimal(10, 2), decimal(12, 1)),
        ("int", UNION),
        (UNION, "int"),
        ("string", UNION),
        ("string", {"type": "array", "items": "int"}),
        (POINT, "string"),
        ({"type": "fixed", "name": "f", "size": 4}, {"type": "fixed", "name": "f", "size": 8}),
    ],
    ids=str,
)
def test_what_only_a_person_can_decide_is_refused(old: Any, new: Any) -> None:
    placement = evolved(["null", old] if old != UNION else ["null", *UNION], new)
    [refused] = placement.refused
    assert (refused.field, refused.column, refused.droppable) == ("x", "x", True)
    assert placement.changes == ()
    assert placement.layout.columns == ()


def test_a_new_field_is_a_nullable_column_whatever_it_is() -> None:
    old = table_of(layout(field("a", "int")))
    placement = place(layout(field("a", "int"), field("b", "string")), old, PLAIN)
    assert told(placement) == ["add column b mediumtext (field b is new)"]
    assert [(column.name, column.nullable) for column in placement.layout.columns] == [("a", False), ("b", True)]
    assert [column.name for column in placement.discarding().columns] == ["a"]
    assert [str(column.name) for column in placement.discarding().table.columns] == ["a"]


@pytest.mark.parametrize(
    ("kind", "default", "expected"),
    [
        ("int", 5, 5),
        ("long", -1, -1),
        ("double", 0, 0.0),
        ("double", 1.5, 1.5),
        ("boolean", True, 1),
        (["int", "null"], 7, 7),
        (["null", "int"], None, None),
        (text(10), "it's", "it's"),
        ("string", "unbounded", None),
        (ENUM, "A", "A"),
        ("bytes", "x", None),
        (MILLIS, 0, None),
        (decimal(4, 2), "\u0001", None),
        ({"type": "array", "items": "int"}, [], None),
        (POINT, {"x": 1}, None),
    ],
    ids=str,
)
def test_a_new_column_has_the_default_of_plain_values(kind: Any, default: Any, expected: Any) -> None:
    table = FoundTable({"a": FoundColumn("int", True)})
    placement = place(layout(field("a", "int"), field("x", kind, default=default)), table, PLAIN)
    [change] = placement.changes
    assert isinstance(change, AddColumn)
    assert change.default == expected
    assert type(change.default) is type(expected)


def test_null_where_the_column_has_none() -> None:
    assert told(evolved("int", ["null", "int"])) == ["let column x be NULL (field x may be null)"]
    assert evolved(["null", "int"], "int").changes == ()
    assert evolved("int", "null").changes[0].cost is Cost.IN_PLACE


def test_both_wider_and_null() -> None:
    changes = evolved("int", ["null", "long"]).changes
    assert {type(change) for change in changes} == {MakeNullable, Widen}


def test_a_field_that_is_gone() -> None:
    """Its column stays; where it was NOT NULL it takes NULL from now on, if it is known to be the schema's."""
    both = layout(field("a", "int"), field("b", "string"), field("c", ["null", "int"]))
    fewer = layout(field("a", "int"))
    placement = place(fewer, table_of(both), PLAIN, lambda: Lineage((both,)))
    assert told(placement) == ["let column b be NULL (this schema has no field for it)"]
    assert placement.layout.others == ()
    with pytest.raises(TableUnfitError, match="column b that is NOT NULL"):
        place(fewer, table_of(both), PLAIN)


def test_not_null_and_types_of_a_persons_table_are_left_to_people() -> None:
    old, new = layout(field("a", text(20)), field("b", "int")), layout(field("a", ["null", text(60)]))
    lineage = lambda: Lineage((old, new))  # noqa: E731
    ours = table_of(old)
    assert not any(map(is_left_to_people, place(new, ours, PLAIN, lineage).changes))
    other_collation = replace(ours, collation="utf8mb4_0900_ai_ci")
    other_key = replace(ours, key=("b",))
    folding = table_of(layout(field("b", "int")), a=FoundColumn("varchar(20)", False, "utf8mb4", "utf8mb4_general_ci"))
    for table in (other_collation, folding):
        placement = place(new, table, PLAIN, lineage)
        changed = {change.column for change in placement.changes if is_left_to_people(change)}
        assert changed >= {"a"}
        [column] = placement.layout.columns
        assert (column.nullable, bool(column.required), bool(column.narrow)) == (False, True, True)
    assert all(map(is_left_to_people, place(layout(field("a", text(60))), other_key, PLAIN, lineage).changes[:1]))
    never_null = layout(field("a", ["null", text(20)]))
    placement = place(never_null, table_of(layout(field("a", text(20)))), PLAIN, lambda: Lineage((never_null,)))
    assert list(map(is_left_to_people, placement.changes)) == [True]  # no version gives it NOT NULL


def test_a_table_without_any_column_of_the_schema_may_be_accepted() -> None:
    old, new = layout(field("a", "int")), layout(field("b", "int"))
    placement = place(new, table_of(old), PLAIN, lambda: Lineage((old, new)), accept_unrelated=True)
    assert told(placement) == [
        "add column b int (field b is new)",
        "let column a be NULL (this schema has no field for it)",
    ]


def test_what_a_person_added_is_left_alone() -> None:
    one = layout(field("a", "int"))
    own = {
        "noted": FoundColumn("varchar(9)", True, "utf8mb4"),
        "at": FoundColumn("timestamp", False, default="current_timestamp()"),
        "sum": FoundColumn("int", False, extra="stored generated"),
        "id": FoundColumn("bigint unsigned", False, extra="auto_increment"),
    }
    assert place(one, table_of(one, **own), PLAIN).changes == ()
    with pytest.raises(TableUnfitError):
        place(one, table_of(one, mine=FoundColumn("int", False)), PLAIN)


def test_types_that_a_person_chose_are_left_to_the_server() -> None:
    for words in ("int unsigned", "timestamp(3)", "bit(1)", "decimal(10,2) unsigned"):
        shape = layout(field("x", "long"))
        assert place(shape, FoundTable({"x": FoundColumn(words, False)}), PLAIN).changes == ()
    latin = FoundTable({"x": FoundColumn("varchar(20)", False, "latin1")})
    assert place(layout(field("x", "string")), latin, PLAIN).changes == ()
    longtext = FoundTable({"x": FoundColumn("longtext", False, "utf8mb4")})
    assert place(layout(field("x", {"type": "map", "values": "int"})), longtext, PLAIN).refused == ()


def test_a_column_type_of_the_settings_is_obeyed() -> None:
    chosen = {"columns": {"x": "DATETIME(6)"}}
    table = FoundTable({"x": FoundColumn("datetime(3)", False)})
    [change] = place(layout(field("x", MILLIS), rules=TableRules(**chosen)), table, TableRules(**chosen)).changes  # type: ignore[arg-type]
    assert isinstance(change, Widen)
    short = evolved("string", "string", columns={"x": "VARCHAR(5)"})
    assert short.changes == ()


def test_the_second_column_is_found_again_and_a_third_is_made() -> None:
    table = table_of(layout(field("x", MILLIS)), x_v2=FoundColumn("datetime(6)", True))
    assert [c.name for c in place(layout(field("x", MICROS)), table, PLAIN).layout.columns] == ["x_v2"]
    placement = place(layout(field("x", logical("int", "date"))), table, PLAIN)
    assert [c.name for c in placement.layout.columns] == ["x_v3"]
    assert [c.name for c in place(layout(field("x", MILLIS)), table, PLAIN).layout.columns] == ["x"]


def test_a_second_column_is_never_that_of_another_field() -> None:
    both = layout(field("x", MICROS), field("x_v2", "string"))
    table = table_of(layout(field("x", MILLIS), field("x_v2", "string")))
    assert [c.name for c in place(both, table, PLAIN).layout.columns] == ["x_v3", "x_v2"]
    long = "n" * 64
    placement = place(layout(field(long, MICROS)), table_of(layout(field(long, MILLIS))), PLAIN)
    assert placement.layout.columns[0].name == "n" * 61 + "_v2"


def test_names_that_differ_in_case_alone_are_one_column() -> None:
    table = FoundTable({"Amount": FoundColumn("int", False)})
    placement = place(layout(field("amount", "int")), table, PLAIN)
    assert placement.changes == ()
    assert [column.name for column in placement.layout.columns] == ["Amount"]


def test_a_renamed_field_is_a_new_column_that_knows_the_old_one() -> None:
    lineage = Lineage(aliases={"client": "customer"})
    table = table_of(layout(field("client", ["null", "string"])))
    [change] = place(layout(field("customer", "string")), table, PLAIN, lambda: lineage).changes
    assert isinstance(change, AddColumn)
    assert (change.column, change.renames) == ("customer", "client")


def test_after_the_rename_the_old_field_goes_into_the_new_column() -> None:
    lineage = Lineage(aliases={"client": "customer"})
    table = table_of(layout(field("customer", ["null", "string"])))
    placement = place(layout(field("client", "string")), table, PLAIN, lambda: lineage)
    assert placement.changes == ()
    assert [(column.field, column.name) for column in placement.layout.columns] == [("client", "customer")]
    both = place(layout(field("client", "string"), field("customer", "string")), table, PLAIN, lambda: lineage)
    assert [change.column for change in both.changes] == ["client"]


def test_metadata_that_the_table_has_and_nobody_asked_for() -> None:
    """A server that demands a primary key got one: its columns are filled."""
    plain = layout(field("a", "int"))
    table = table_of(layout(field("a", "int"), rules=TableRules(metadata=PLACE)))
    placement = place(plain, table, PLAIN)
    assert placement.changes == ()
    assert placement.layout.metadata == PLACE
    assert [str(c.name) for c in placement.layout.table.columns] == ["a", *PLACE]


def test_metadata_that_the_table_lacks() -> None:
    rules = TableRules(metadata=("_kafka_timestamp", "_schema_id"))
    placement = place(layout(field("a", "int"), rules=rules), table_of(layout(field("a", "int"))), rules)
    assert [change.column for change in placement.changes] == ["_kafka_timestamp", "_schema_id"]
    assert placement.discarding().metadata == ()
    keyed = TableRules(metadata=PLACE)
    with pytest.raises(TableUnfitError, match="_kafka_partition and no _kafka_offset"):
        place(layout(field("a", "int"), rules=keyed), table_of(layout(field("a", "int"))), keyed)


UPSERT = TableRules(mode="upsert", key=("id",))


def test_an_update_resets_the_columns_of_other_versions_and_no_others() -> None:
    old = layout(field("id", "int"), field("a", ["null", "int"]), rules=UPSERT)
    new = layout(field("id", "int"), field("b", ["null", "int"]), rules=UPSERT)
    table = table_of(old, b=FoundColumn("int", True), noted=FoundColumn("int", True))
    lineage = Lineage((old, new))
    assert place(old, table, UPSERT, lambda: lineage).layout.others == ("b",)
    assert place(new, table, UPSERT, lambda: lineage).layout.others == ("a",)


@pytest.mark.parametrize("kind", ["long", "string", ["null", "int"]])
def test_a_key_never_changes(kind: Any) -> None:
    table = table_of(layout(field("id", "int"), rules=UPSERT))
    placement = place(layout(field("id", kind), rules=UPSERT), table, UPSERT)
    refused = [one for one in placement.refused if not one.droppable]
    assert bool(refused) is (kind != ["null", "int"])  # that one refuses the null alone, value by value
    assert placement.changes == ()


def test_columns_of_the_table_rules_hold_for_evolution_too() -> None:
    rules = TableRules(rename={"b": "beta"}, exclude=("c",), flatten=1)
    inner = {"type": "record", "name": "q", "fields": [field("u", "int"), field("v", "string")]}
    new = layout(field("a", "int"), field("b", "int"), field("c", "int"), field("d", inner), rules=rules)
    placement = place(new, table_of(layout(field("a", "int"))), rules)
    assert [change.column for change in placement.changes] == ["beta", "d__u", "d__v"]


def test_a_name_that_a_column_cannot_have_is_found_by_the_same_rule() -> None:
    new = layout(field("a", "int"), field("_kafka_offset", "string"))
    assert new.columns[1].name.startswith("_kafka_offset_")
    placement = place(new, table_of(layout(field("a", "int"))), PLAIN)
    [change] = placement.changes
    assert change.column.startswith("_kafka_offset_")


def test_a_table_without_any_column_of_the_schema_is_none_of_ours() -> None:
    with pytest.raises(TableUnfitError, match="has no column of this schema: it has salary"):
        place(layout(field("a", "int")), FoundTable({"salary": FoundColumn("int", True)}), PLAIN)
    empty = table_of(layout(rules=TableRules(metadata=PLACE)))
    assert [change.column for change in place(layout(field("a", "int")), empty, PLAIN).changes] == ["a"]


def fixed_fields(count: int) -> list[Field]:
    return [field(f"f{n}", {"type": "fixed", "name": "F", "size": 200} if not n else "F") for n in range(count)]


def test_a_row_of_fixed_bytes_that_grows_leaves_the_columns_that_are_there() -> None:
    """What is BINARY stays so; of the new ones as many are blobs as it takes."""
    placement = place(layout(*fixed_fields(60)), table_of(layout(*fixed_fields(30))), PLAIN)
    assert {type(change) for change in placement.changes} == {AddColumn}
    kinds = [type_words(column.type) for column in placement.layout.columns]
    assert kinds[:30] == ["binary(200)"] * 30
    assert set(kinds[30:]) == {"binary(200)", "mediumblob"}
    versions = Lineage((layout(*fixed_fields(30)), layout(*fixed_fields(60))))
    back = place(layout(*fixed_fields(30)), table_of(layout(*fixed_fields(60))), PLAIN, lambda: versions)
    assert not back.refused
    assert {type(change) for change in back.changes} == {MakeNullable}
