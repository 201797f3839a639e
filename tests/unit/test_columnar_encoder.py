"""The fast encoder against the general one: what it gives must be stored as the same, or it gives nothing."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from tests.support.batches import batch_of
from tests.support.row_texts import read_file, read_literals
from workers.contract.batch import Batch
from workers.rows.columnar import column_encoder as columnar
from workers.rows.row_encoder import RowEncoder

SEED: dict[str, Any] = {
    "type": "record",
    "name": "seed",
    "fields": [
        {"name": "key_field1", "type": "string"},
        {"name": "timestamp_field1", "type": "long"},
        {"name": "double_field1", "type": "double"},
        {"name": "string_field1", "type": "string"},
    ],
}
HEADER = b"\0\0\0\0\1"


@pytest.fixture(autouse=True)
def _any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "FEWEST", 1)


def row_encoder(schema: dict[str, Any], *, nonfinite: str = "refuse", **rules: Any) -> RowEncoder:
    layout = table_layout(schema, table="t", rules=TableRules(**rules)).rows()
    return RowEncoder(layout, schema, partition=3, schema_id=1, nonfinite=nonfinite)


def body(schema: dict[str, Any], *values: Any) -> bytes:
    out = io.BytesIO()
    names = [field["name"] for field in schema["fields"]]
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), dict(zip(names, values, strict=True)))
    return out.getvalue()


def same(encoder: RowEncoder, batch: Batch, indexes: range | list[int]) -> bool:
    """Whether the fast encoder had an answer; which is the general one's then, and all rows are good."""
    columns = encoder.columns
    assert columns is not None
    file, literals = columns.file(batch, indexes), columns.literals(batch, indexes)
    assert (file is None) == (literals is None)
    if file is None or literals is None:
        return False
    general = encoder.encode(batch, indexes)
    assert not general.refused
    wanted = [read_literals(row) for row in general.literals]
    assert [read_literals(row) for row in literals[0]] == wanted
    assert read_file(file, columns.load_columns) == wanted
    assert literals[1] == general.keys
    return True


def test_rows_of_the_seed_schema_are_those_of_the_general_encoder() -> None:
    values = [
        ("k", 1, 1.5, "text"),
        ("", -1, -0.0, "it's\t\n\"\\ NULL"),
        ("NULL", 1 << 62, 5e-324, "\0\x1a\r"),
        ("é", -(1 << 63), 1e300, "💧"),
    ]
    batch = batch_of([HEADER + body(SEED, *row) for row in values])
    assert same(row_encoder(SEED), batch, range(4))
    assert same(row_encoder(SEED), batch, [1, 3])


def test_a_body_that_is_no_row_leaves_all_to_the_general_encoder() -> None:
    good = HEADER + body(SEED, "k", 1, 1.5, "text")
    for bad in (good[:-1], good + b"\0", HEADER, good.replace(b"text", b"\xff\xff\xff\xff")):
        assert not same(row_encoder(SEED), batch_of([good, bad, good]), range(3))
