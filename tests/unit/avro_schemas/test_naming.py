import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas import naming
from avro_schemas.tables.metadata_columns import METADATA_TYPES
from rtpipe.errors import SchemaError

FIELDS = st.lists(
    st.text(max_size=80)
    | st.sampled_from(
        ["a", "A", "_kafka_offset", "_KAFKA_OFFSET", "select", "a`b", "%s", "x" * 65, "é", "\u0430", "\x00"]
    ),
    unique=True,
)


def column_names(fields: list[str]) -> dict[str, str]:
    return naming.column_names({field: field for field in fields}, METADATA_TYPES)


def test_topic_subject_table_and_group_share_one_name() -> None:
    assert naming.group_for("dataset1") == "group-dataset1"
    assert naming.table_for("dataset1") == "dataset1"
    assert naming.table_for("shop.orders-v2") == "shop.orders-v2"


def test_a_long_topic_gets_a_table_name_that_fits_and_differs() -> None:
    one, two = naming.table_for("a" * 100 + "1"), naming.table_for("a" * 100 + "2")
    assert len(one) == len(two) == 64
    assert one != two
    assert one == naming.table_for("a" * 100 + "1")


@pytest.mark.parametrize(
    "topic", ["", ".", "..", "a b", "a/b", "ü", "a" * 250, "a\n", "kafka_offsets", "KAFKA_OFFSETS", "rtpipe_x"]
)
def test_topics_without_a_table_are_refused(topic: str) -> None:
    with pytest.raises(SchemaError, match="topic"):
        naming.table_for(topic)


def test_topics_that_kafka_cannot_tell_apart_collide() -> None:
    assert naming.collision_key("a.b") == naming.collision_key("a_b") == naming.collision_key("A_b")
    assert naming.collision_key("a-b") != naming.collision_key("a_b")


def test_plain_fields_keep_their_names() -> None:
    assert column_names(["key", "select", "_x1"]) == {"key": "key", "select": "select", "_x1": "_x1"}


@pytest.mark.parametrize(
    "field", ["A", "a-b", "é", "1a", "", "x" * 65, "_kafka_offset", "_Schema_Id", "a`b", "a\x00", "\ud800"]
)
def test_other_fields_are_renamed_with_a_hash(field: str) -> None:
    column = column_names(["a", field])[field]
    assert column != field
    assert len(column) <= 64
    assert naming.is_plain(column)
    assert column[-7] == "_"


def test_the_hash_is_that_of_the_whole_field_name() -> None:
    assert column_names(["a", "A"])["A"] == "A_6dcd4c"


def test_a_field_that_has_the_hashed_name_already_keeps_it() -> None:
    assert column_names(["a", "A", "a_6dcd4c"]) == {"a": "a", "A": "A_6dcd4ce", "a_6dcd4c": "a_6dcd4c"}


@given(FIELDS)
def test_columns_are_always_distinct_plain_and_short(fields: list[str]) -> None:
    names = column_names(fields)
    assert list(names) == fields
    assert len({name.lower() for name in names.values()}) == len(fields)
    assert all(naming.is_plain(name) and len(name) <= 64 for name in names.values())
    assert not {name.lower() for name in names.values()} & set(METADATA_TYPES)
    assert names == column_names(fields)
