from __future__ import annotations

from typing import Any

import pytest

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.registry.subject_names import USUAL, SubjectNames, bare, name_problem, record_name
from avro_schemas.tables.key_schema import key_schema
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules

ORDER = {"type": "record", "name": "Order", "namespace": "com.exam", "fields": []}


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("{topic}-value", "t-value"),
        ("{record}", "com.exam.Order"),
        ("{topic}-{record}", "t-com.exam.Order"),
        ("team.{topic}", "team.t"),
        ("orders", "orders"),
    ],
)
def test_a_subject_is_made_of_topic_and_record(name: str, subject: str) -> None:
    names = SubjectNames(name, name)
    assert name_problem(name) is None
    assert names.of_value("t", ORDER) == names.of_key("t", ORDER) == subject
    assert names.of_value("t") == (None if names.by_record else subject)


def test_a_topic_may_be_called_as_a_placeholder_is_not() -> None:
    assert SubjectNames("{topic}-{record}").of_value("record", ORDER) == "record-com.exam.Order"
    assert USUAL.of_key("t") == "t-key"


@pytest.mark.parametrize("name", ["", " ", "{tpoic}", "{topic", "topic}", "{}", "{{topic}}"])
def test_what_names_no_subject(name: str) -> None:
    assert name_problem(name) is not None


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        (ORDER, "com.exam.Order"),
        ({"type": "record", "name": "a.B", "namespace": "c"}, "a.B"),
        ({"type": "enum", "name": "E"}, "E"),
        ("string", "string"),
        ({"type": "string"}, "string"),
        ({"type": "map", "values": "int"}, "map"),
        (["null", "string"], "union"),
    ],
)
def test_what_a_schema_is_called(schema: Any, name: str) -> None:
    assert record_name(schema) == name


def test_the_context_of_a_subject_is_the_registrys_affair() -> None:
    assert [bare(one) for one in (":.staging:a-value", ":.:a", "a:b", ":x:y")] == ["a-value", "a", "a:b", ":x:y"]


def test_key_columns_tell_their_fields() -> None:
    written = {
        "s": "varchar(64)",
        "i": "int",
        "l": "bigint",
        "b": "tinyint(1)",
        "d": "decimal(10,2)",
        "u": "char(36)",
        "r": "varbinary(9)",
        "n": "date",
    }
    found = FoundTable({name: FoundColumn(one, nullable=False) for name, one in written.items()}, tuple(written))
    rules = TableRules(mode="upsert", key=tuple(written), rename={"amount": "d"})
    layout = table_layout(key_schema(found, rules), table="t", rules=rules)
    assert layout.key == tuple(written)
    kinds = {column.name: (column.field, column.of.logical or column.of.avro_type) for column in layout.columns}
    assert kinds == {
        "s": ("s", "string"),
        "i": ("i", "int"),
        "l": ("l", "long"),
        "b": ("b", "boolean"),
        "d": ("amount", "decimal"),
        "u": ("u", "string"),
        "r": ("r", "bytes"),
        "n": ("n", "date"),
    }
    assert key_schema(found, TableRules(mode="upsert", key=("gone",))) is None
