"""Messages of one schema -> rows as the content of a LOAD DATA file, or as row literals: all of them, or nothing.

What it gives is what the general encoder, row_encoder.py, would have stored. Where that is in doubt it gives nothing.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress

import polars as pl

from avro_schemas.avro.type_reader import RecordSchema
from avro_schemas.tables.row_layout import RowLayout
from workers.contract.batch import Batch
from workers.rows.columnar.column_forms import column_form
from workers.rows.columnar.form import NULL, ColumnForm, load_columns, row_literals
from workers.rows.columnar.metadata_columns import MetadataColumns
from workers.rows.columnar.polars_calls import DoubtError, doubted
from workers.rows.columnar.wire_columns import WireColumns
from workers.rows.columnar.wire_fields import NotFlatError, WireField, wire_fields

#: Fewer messages are done sooner by the general encoder: polars takes its time to begin.
FEWEST = 300


class ColumnEncoder:
    """Made once for each schema id."""

    def __init__(
        self, fields: Sequence[WireField], columns: Sequence[ColumnForm], metadata: MetadataColumns, key: Sequence[str]
    ) -> None:
        """`key`: names of the columns of which the keys of rows are made."""
        self._wire = WireColumns(fields)
        self._metadata = metadata
        self._columns = [*columns, *metadata.forms]
        self._doubts = [
            one.alias(str(at)) for at, one in enumerate(one for column in columns for one in column.form.doubts)
        ]
        self._key = [column for name in key for column in columns if column.name == name]
        #: What follows LINES TERMINATED BY in a LOAD DATA of the file.
        self.load_columns = load_columns([(column.name, column.hexadecimal) for column in self._columns])

    def file(self, batch: Batch, indexes: Sequence[int]) -> bytes | None:
        """The rows of the messages at these indexes, in order, as the content of a file in utf8mb4; None: in doubt.

        Fields end with a tab and lines with a newline; texts are in double quotes, NULL is not, nothing is escaped.
        """
        if len(indexes) < FEWEST:
            return None
        with suppress(DoubtError), doubted():
            found = self._found(batch, indexes)
            out = io.BytesIO()
            texts = found.select([column.form.text.alias(column.name) for column in self._columns])
            _require_all(texts, indexes)
            texts.write_csv(out, include_header=False, separator="\t", quote_style="non_numeric", null_value=NULL)
            return out.getvalue()
        return None

    def literals(self, batch: Batch, indexes: Sequence[int]) -> tuple[list[str], list[str]] | None:
        """The literals of those rows, and what is in the key columns of each; None: in doubt."""
        if len(indexes) < FEWEST:
            return None
        with suppress(DoubtError), doubted():
            found = self._found(batch, indexes)
            marked = [column for column in self._columns if not column.form.plain]
            marks = found.select([column.form.has_marks.alias(column.name) for column in marked])
            escaped = frozenset(name for name in marks.columns if marks[name][0])
            wanted = [row_literals(self._columns, escaped).alias("row")]
            if self._key:
                wanted.append(row_literals(self._key, escaped).alias("key"))
            texts = found.select(wanted)
            _require_all(texts, indexes)
            return texts["row"].to_list(), texts["key"].to_list() if self._key else []
        return None

    def _found(self, batch: Batch, indexes: Sequence[int]) -> pl.DataFrame:
        """The values of the messages. DoubtError if they may not be stored as they are."""
        found = self._wire.read(batch.values, indexes)
        if self._doubts and any(found.select(self._doubts).row(0)):
            raise DoubtError("values that their columns may not take")
        return found.with_columns(self._metadata.of(batch, indexes))


def _require_all(texts: pl.DataFrame, indexes: Sequence[int]) -> None:
    """Columns that are the same for all messages have one row if no other column is beside them."""
    if texts.height != len(indexes):
        raise DoubtError("not as many rows as messages")


def made_for(
    layout: RowLayout, record: RecordSchema, partition: int, schema_id: int, *, nonfinite: str
) -> ColumnEncoder | None:
    """None if a field or a column is of a kind that is not proven here."""
    try:
        fields = wire_fields(record)
    except NotFlatError:
        return None
    by_path = {field.path: field for field in fields}
    columns = [column_form(column, by_path.get(column.path), nonfinite=nonfinite) for column in layout.columns]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return None
    return ColumnEncoder(fields, known, MetadataColumns(layout.metadata, partition, schema_id), layout.key)
