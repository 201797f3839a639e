from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from tests.support.samples.batches import batch_of
from workers.contract.refusal import Reason, Refusal
from workers.rows.row_encoder import RowEncoder

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
    return RowEncoder(
        table_layout(SCHEMA, table="my`orders", rules=TableRules(metadata=tuple(metadata))),
        SCHEMA,
        partition=4,
        schema_id=1,
    )


def message(key: str = "k", offset: int = 1, day: int | None = None) -> bytes:
    out = io.BytesIO(b"\0\0\0\0\1")
    out.seek(5)
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), {"key": key, "offset": offset, "day": day})
    return out.getvalue()


def test_the_statement_names_and_quotes_its_columns() -> None:
    assert encoder().prefix == "INSERT INTO `my``orders` (`key`, `offset`, `day`) VALUES "


def test_rows_in_the_order_of_the_messages() -> None:
    encoded = encoder("_kafka_partition", "_kafka_offset").encode(
        batch_of([message("a", 1, 0), message("b", 2)], [10, 12]), range(2)
    )
    assert encoded.literals == ["'a',1,'1970-01-01',4,10", "'b',2,NULL,4,12"]


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
    encoded = encoder().encode(batch_of([message(), broken, message()]), range(3))
    assert why in encoded.refused[1].why
    assert (encoded.refused[1].reason, encoded.indexes, len(encoded.literals)) == ("E_DECODE", [0, 2], 2)


def test_a_value_that_its_column_refuses_is_named_by_index_and_field() -> None:
    encoded = encoder().encode(batch_of([message(), message(day=10**7), message("c")]), range(3))
    assert encoded.refused == {1: Refusal(Reason.VALUE, "a date outside the years 0001 to 9999", "day")}
    assert (encoded.indexes, len(encoded.literals)) == ([0, 2], 2)


def test_bad_messages_take_nothing_from_others_across_chunks() -> None:
    bad = {0: message()[:-1], 499: message(day=10**7), 500: message() + b"x", 999: message(day=-(10**8))}
    encoded = encoder().encode(batch_of([bad.get(at, message(f"k{at}")) for at in range(1_200)]), range(1_200))
    assert encoded.refused.keys() == bad.keys()
    assert encoded.indexes == [at for at in range(1_200) if at not in bad]
    assert all(f"'k{at}'" in text for at, text in zip(encoded.indexes, encoded.literals, strict=True))


BODIES = st.binary(max_size=12) | st.sampled_from(
    [message()[5:], message("b")[5:], message()[5:-1], message()[5:] + b"x"]
)


@given(st.lists(st.none() | BODIES, max_size=12))
def test_a_message_among_others_is_what_it_is_alone(bodies: list[bytes | None]) -> None:
    """Truncated ones read on in their neighbours, and over-long ones leave something to them, if they are let."""
    values = [None if body is None else b"\0\0\0\0\1" + body for body in bodies]
    together = encoder().encode(batch_of(values), [at for at, value in enumerate(values) if value is not None])
    rows = dict(zip(together.indexes, together.literals, strict=True))
    for at, value in enumerate(values):
        if value is not None:
            alone = encoder().encode(batch_of([value]), range(1))
            assert ([rows[at]] if at in rows else []) == alone.literals
            assert together.refused.get(at) == alone.refused.get(0)


def test_a_sign_of_life_is_given_within_a_batch() -> None:
    signs: list[bool] = []
    encoder().encode(batch_of([message()] * 1_200), range(1_200), lambda: signs.append(True))
    assert len(signs) == 3


@given(st.binary(max_size=60))
def test_any_bytes_give_a_row_or_a_refusal(body: bytes) -> None:
    encoded = encoder().encode(batch_of([b"\0\0\0\0\1" + body]), range(1))
    assert len(encoded.literals) + len(encoded.refused) == 1
