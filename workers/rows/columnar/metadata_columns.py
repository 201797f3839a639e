"""What Kafka says of each message of a batch, as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from avro_schemas.tables.metadata_columns import (
    DELETED_COLUMN,
    HEADERS_COLUMN,
    KEY_COLUMN,
    OFFSET_COLUMN,
    PARTITION_COLUMN,
    SCHEMA_COLUMN,
    TIMESTAMP_COLUMN,
)
from workers.contract.batch import Batch
from workers.rows.columnar.form import ColumnForm, Form
from workers.rows.columnar.polars_calls import DoubtError
from workers.rows.metadata_literals import headers_json, moment_text

#: A batch and the indexes of some of its messages in, a value for each out.
Column = Callable[[Batch, Sequence[int]], pl.Series]


class MetadataColumns:
    """The columns of one layout."""

    def __init__(self, names: Sequence[str], partition: int, schema_id: int) -> None:
        fixed = {PARTITION_COLUMN: partition, SCHEMA_COLUMN: schema_id, DELETED_COLUMN: 0}
        self.forms = [_form(name, fixed.get(name)) for name in names]
        self._made = {name: _COLUMNS[name] for name in names if name not in fixed}

    def of(self, batch: Batch, indexes: Sequence[int]) -> list[pl.Series]:
        """Those whose values are not the same for all messages, under the names that their forms use."""
        return [make(batch, indexes).alias(name) for name, make in self._made.items()]


def _form(name: str, fixed: int | None) -> ColumnForm:
    if fixed is not None:
        return ColumnForm(name, Form(pl.lit(fixed, pl.Int64)), may_be_null=False)
    column = pl.col(name)
    if name == OFFSET_COLUMN:
        return ColumnForm(name, Form(column), may_be_null=False)
    if name == KEY_COLUMN:
        return ColumnForm(name, Form(column, quote="X'"), may_be_null=True)
    return ColumnForm(name, Form(column, quote="'", plain=name != HEADERS_COLUMN), may_be_null=True)


def _offsets(batch: Batch, indexes: Sequence[int]) -> pl.Series:
    return pl.Series([batch.offsets[at] for at in indexes], dtype=pl.Int64)


def _moments(batch: Batch, indexes: Sequence[int]) -> pl.Series:
    """Many messages have the same time, and it is not looked at twice then."""
    times = [batch.timestamps[at] for at in indexes]
    known = {moment: moment_text(moment) for moment in set(times)}
    return pl.Series(list(map(known.__getitem__, times)), dtype=pl.String)


def _keys(batch: Batch, indexes: Sequence[int]) -> pl.Series:
    keys = map(batch.keys.__getitem__, indexes)
    return pl.Series([None if key is None else key.hex() for key in keys], dtype=pl.String)


def _headers(batch: Batch, indexes: Sequence[int]) -> pl.Series:
    """DoubtError for a name that is no UTF-8."""
    headers = batch.headers
    if not headers:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(indexes))
    if any(found is None for found in headers.values()):
        raise DoubtError("a header whose name is no UTF-8")
    return pl.Series([headers_json(headers.get(at)) for at in indexes], dtype=pl.String)


_COLUMNS: dict[str, Column] = {
    OFFSET_COLUMN: _offsets,
    TIMESTAMP_COLUMN: _moments,
    KEY_COLUMN: _keys,
    HEADERS_COLUMN: _headers,
}
