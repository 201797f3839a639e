from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.table_layout import table_layout
from workers.row_encoder import BadMessage, RowEncoder, insert_statements

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "orders",
    "fields": [
        {"name": "key", "type": "string"},
        {"name": "offset", "type": "long"},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
    ],
}


def encoder(*metadata: str) -> RowEncoder:
    return RowEncoder(table_layout(SCHEMA, table="my`orders", metadata_columns=metadata), SCHEMA, partition=4)


def message(key: str = "k", offset: int = 1, day: int | None = None) -> bytes:
    out = io.BytesIO(b"\0\0\0\0\1")
    out.seek(5)
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), {"key": key, "offset": offset, "day": day})
    return out.getvalue()


def test_the_statement_names_and_quotes_its_columns() -> None:
    assert encoder().prefix == "INSERT INTO `my``orders` (`key`, `offset`, `day`) VALUES "


def test_rows_in_the_order_of_the_messages() -> None:
    rows = encoder("_kafka_partition", "_kafka_offset").encode([message("a", 1, 0), message("b", 2)], [10, 12])
    assert rows == ["('a',1,'1970-01-01',4,10)", "('b',2,NULL,4,12)"]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (message()[:-1], "does not decode"),
        (message() + b"\0", "1 bytes left over"),
        (b"\0\0\0\0\1", "does not decode"),
        (b"\0\0\0\0\1" + b"\x04\xff\xfe" + b"\2\0", "does not decode"),
    ],
)
def test_a_body_that_is_no_record_is_named_by_its_index(broken: bytes, why: str) -> None:
    with pytest.raises(BadMessage, match=why) as caught:
        encoder().encode([message(), broken, message()], [0, 1, 2])
    assert caught.value.index == 1


def test_a_value_that_its_column_refuses_is_named_by_index_and_field() -> None:
    with pytest.raises(BadMessage, match="years 0001 to 9999") as caught:
        encoder().encode([message(), message(day=10**7)], [0, 1])
    assert (caught.value.index, caught.value.field) == (1, "day")


@given(st.binary(max_size=60))
def test_any_bytes_give_a_row_or_a_bad_message(body: bytes) -> None:
    try:
        rows = encoder().encode([b"\0\0\0\0\1" + body], [0])
    except BadMessage:
        return
    assert len(rows) == 1


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1), st.integers(10, 200))
def test_statements_hold_every_row_once_and_fit(rows: list[str], limit: int) -> None:
    rows = [f"('{row}')" for row in rows]
    statements = insert_statements("I ", rows, limit)
    assert all(len(statement) <= limit or statement.decode()[2:] in rows for statement in statements)
    assert ",".join(statement.decode()[2:] for statement in statements) == ",".join(rows)
