"""Writes batches of one partition: messages -> rows -> committed; runs in the writer process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from avro_schemas.errors import SchemaError
from avro_schemas.table_layout import table_layout
from avro_schemas.wire_format import HEADER_SIZE, WireFormatError, schema_id_of
from workers.batch_queue import Batch
from workers.database_errors import DUPLICATE, Action, DatabaseTrouble
from workers.errors import DataError, RowExistsError, SetupError
from workers.offset_ledger import OffsetLedger
from workers.partition_owner import PartitionOwner
from workers.partition_spec import PartitionSpec
from workers.row_encoder import BadMessage, RowEncoder, insert_statements


@dataclass(frozen=True, slots=True)
class Rows:
    """Row literals of one batch for one schema id, with the INSERT they belong to."""

    prefix: str
    literals: list[str]


class Schemas(Protocol):
    """Where schemas come from."""

    def schema_by_id(self, schema_id: int) -> dict[str, Any]:
        """The schema; SchemaError if there is none with this id."""


class TableWriter:
    """`write` returns once a batch is committed; a message that cannot be a row stops it exactly there."""

    def __init__(self, spec: PartitionSpec, owner: PartitionOwner, ledger: OffsetLedger, schemas: Schemas) -> None:
        self._spec = spec
        self._owner = owner
        self._ledger = ledger
        self._schemas = schemas
        self._encoders: dict[bytes | None, RowEncoder] = {}

    def write(self, batch: Batch) -> None:
        """Commit the batch. Raises DataError at a message that is no row, after committing all before it."""
        try:
            rows = self._encode(batch)
        except BadMessage as bad:
            if bad.index:
                self.write(_slice(batch, 0, bad.index))
            self._refuse(batch.offsets[bad.index], bad.why, bad.field)
        try:
            self._owner.commit(batch, lambda: self._statements(rows), sum(len(r.literals) for r in rows))
        except DatabaseTrouble as trouble:
            if trouble.action is not Action.DATA:
                raise trouble.as_error(f"{self._spec.key} offset {batch.first}") from trouble
            if len(batch.offsets) == 1:
                self._refuse_second(batch.offsets[0], trouble)
                self._refuse(batch.offsets[0], f"{trouble}", trouble.column)
            middle = len(batch.offsets) // 2
            self.write(_slice(batch, 0, middle))
            self.write(_slice(batch, middle, len(batch.offsets)))

    def _refuse_second(self, offset: int, trouble: DatabaseTrouble) -> None:
        """A primary key of partition and offset refuses a message that is in the table already: no fault of its own."""
        if trouble.number == DUPLICATE and trouble.key == "PRIMARY" and self._spec.metadata_columns:
            raise RowExistsError(
                f"{self._spec.key} offset {offset}: its row is in {self._spec.table} already, but kafka_offsets was"
                f" behind it",
                hint=f"was the offset set back? `rtpipe offsets set {self._spec.key} OFFSET` to where the table ends",
            )

    def _refuse(self, offset: int, why: str, field: str) -> NoReturn:
        where = f"{self._spec.key} offset {offset}" + (f" field {field}" if field else "")
        raise DataError(
            f"{where}: {why}",
            hint=f"rows before offset {offset} are in {self._spec.table}; repair the table or the data, start again",
        )

    def _encode(self, batch: Batch) -> list[Rows]:
        """Rows by schema id: old and new records may alternate, and one INSERT names one set of columns."""
        headers = [None if value is None else value[:HEADER_SIZE] for value in batch.values]
        rows = []
        for header in dict.fromkeys(headers):
            encoder = self._encoder(header, headers.index(header))
            picked = [index for index, found in enumerate(headers) if found == header]
            values = [batch.values[index] or b"" for index in picked]
            try:
                part = Rows(encoder.prefix, encoder.encode(values, [batch.offsets[index] for index in picked]))
                _require_fitting(part, self._ledger.max_packet)
            except BadMessage as bad:
                raise BadMessage(picked[bad.index], bad.why, bad.field) from bad
            rows.append(part)
        return rows

    def _encoder(self, header: bytes | None, index: int) -> RowEncoder:
        """The encoder for messages with this header, the first of which is at `index`."""
        if header not in self._encoders:
            if header is None:
                raise BadMessage(index, "a null value (tombstone), which insert mode has no row for")
            try:
                schema_id = schema_id_of(header)
                schema = self._schemas.schema_by_id(schema_id)
            except (WireFormatError, SchemaError) as exc:
                raise BadMessage(index, exc.message) from exc
            self._encoders[header] = self._new_encoder(schema_id, schema)
        return self._encoders[header]

    def _new_encoder(self, schema_id: int, schema: dict[str, Any]) -> RowEncoder:
        try:
            layout = table_layout(schema, table=self._spec.table, metadata_columns=self._spec.metadata_columns)
        except SchemaError as exc:
            raise SetupError(f"{self._spec.key}: schema id {schema_id}: {exc.message}", hint=exc.hint) from exc
        return RowEncoder(layout, schema, self._spec.key.partition)

    def _statements(self, rows: list[Rows]) -> Iterator[bytes]:
        """INSERT texts that fit the server's packet."""
        for part in rows:
            yield from insert_statements(part.prefix, part.literals, self._ledger.max_packet // 2)


def _require_fitting(rows: Rows, limit: int) -> None:
    """Refuse a row that no statement can carry: a server answers it by cutting the connection."""
    room = limit - len(rows.prefix.encode()) - 1
    if 4 * max(map(len, rows.literals)) < room:  # no character takes more than four bytes
        return
    for index, literal in enumerate(rows.literals):
        size = len(literal.encode())
        if size > room:
            raise BadMessage(index, f"a row of {size:,} bytes is larger than max_allowed_packet {limit:,}")


def _slice(batch: Batch, start: int, stop: int) -> Batch:
    """Messages [start, stop) of a batch, still covering its range without a gap."""
    first = batch.first if start == 0 else batch.offsets[start]
    following = batch.next_offset if stop == len(batch.offsets) else batch.offsets[stop]
    return Batch(first, following, batch.leader_epoch, batch.offsets[start:stop], batch.values[start:stop])
