"""Writes batches of one partition: messages -> rows or dead letters -> committed; runs in the writer process."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any, NoReturn, Protocol

from avro_schemas.errors import SchemaError
from avro_schemas.table_layout import table_layout
from avro_schemas.wire_format import HEADER_SIZE, WireFormatError, schema_id_of
from workers.batch_queue import Batch
from workers.batch_work import BatchWork, Rows, TooManyRefused
from workers.database_errors import DatabaseTrouble
from workers.dead_letters import Refusal
from workers.errors import DataError, DeadLetterLimitError, SetupError
from workers.offset_ledger import OffsetLedger
from workers.partition_owner import PartitionOwner
from workers.partition_spec import PartitionSpec
from workers.row_encoder import RowEncoder

_MINUTE = 60.0
#: Seconds for which the registry is not asked again about an id that it does not have.
_UNKNOWN_FOR = 10.0
_UNKNOWN_KEPT = 1_000
_NULL = Refusal("E_NULL_VALUE", "a null value (tombstone), which insert mode has no row for")


class Schemas(Protocol):
    """Where schemas come from."""

    def schema_by_id(self, schema_id: int) -> dict[str, Any]:
        """The schema; SchemaError if there is none with this id."""


class TableWriter:
    """`write` returns once a batch is committed, with a dead letter for each message that cannot be a row.

    Where dead letters are off, or too many for a minute, it stops exactly at the first message that would be one more.
    """

    def __init__(self, spec: PartitionSpec, owner: PartitionOwner, ledger: OffsetLedger, schemas: Schemas) -> None:
        self._spec = spec
        self._owner = owner
        self._ledger = ledger
        self._schemas = schemas
        self._encoders: dict[bytes, RowEncoder] = {}
        self._unknown: dict[bytes, tuple[float, Refusal]] = {}
        self._letters: deque[tuple[float, int]] = deque()  # when, how many

    def write(self, batch: Batch) -> Counter[str]:
        """Commit the batch; the names of the errors of its dead letters, counted.

        Raises DataError or DeadLetterLimitError at a message that is no row, after committing all before it.
        """
        work = self._work(batch)
        work.allowed = self._allowance()
        if len(work.refused) > work.allowed:
            place = sorted(work.refused)[work.allowed]
            self._stop_at(batch, place, work.refused[place])
        try:
            self._owner.commit(batch, work)
        except TooManyRefused as stopped:
            self._stop_at(batch, stopped.place, stopped.refusal)
        except DatabaseTrouble as trouble:
            raise trouble.as_error(f"{self._spec.key} offset {batch.first}") from trouble
        if work.dead:
            self._letters.append((time.monotonic(), work.dead))
        return Counter(refusal.name for refusal in work.refused.values())

    def _allowance(self) -> int:
        """How many more dead letters this minute may have."""
        if not self._spec.dead_letters or not self._ledger.has_letters:
            return 0
        if not self._spec.dead_letters_per_minute:
            return 1 << 62
        while self._letters and self._letters[0][0] < time.monotonic() - _MINUTE:
            self._letters.popleft()
        return max(0, self._spec.dead_letters_per_minute - sum(count for _, count in self._letters))

    def _stop_at(self, batch: Batch, place: int, refusal: Refusal) -> NoReturn:
        if place:
            self.write(batch.part(0, place))
        offset, spec = batch.offsets[place], self._spec
        if not spec.dead_letters or not self._ledger.has_letters:
            hint = f"rows before offset {offset} are in {spec.table}; repair the table or the data, start again"
            if spec.dead_letters:
                hint += "; with the table rtpipe_dead_letters, which `rtpipe infra create` makes, it would go there"
            raise DataError(f"{spec.key} offset {offset} {refusal}", hint=hint)
        raise DeadLetterLimitError(
            f"{spec.key} offset {offset} {refusal}: more than {spec.dead_letters_per_minute} dead letters within a"
            " minute, which looks like an outage and not like bad messages",
            hint=f"`rtpipe dead-letters list` shows them; once the cause is mended: rtpipe resume {spec.key}",
        )

    def _work(self, batch: Batch) -> BatchWork:
        """Rows by schema id: old and new records may alternate, and one INSERT names one set of columns."""
        by_header: dict[bytes, list[int]] = {}
        refused: dict[int, Refusal] = {}
        for place, value in enumerate(batch.values):
            if value is None:
                refused[place] = _NULL
            else:
                by_header.setdefault(value[:HEADER_SIZE], []).append(place)
        parts = []
        for header, places in by_header.items():
            encoder = self._encoder(header)
            if isinstance(encoder, Refusal):
                refused |= dict.fromkeys(places, encoder)
            else:
                parts.append(self._rows(encoder, batch, places, refused))
        return BatchWork(self._spec, batch, parts, refused, self._ledger.max_packet)

    def _rows(self, encoder: RowEncoder, batch: Batch, places: list[int], refused: dict[int, Refusal]) -> Rows:
        values = [batch.values[place] or b"" for place in places]
        encoded = encoder.encode(values, [batch.offsets[place] for place in places])
        refused |= {places[at]: refusal for at, refusal in encoded.refused.items()}
        rows = Rows(encoder.prefix, encoded.literals, [places[at] for at in encoded.places])
        refused |= _too_large(rows, self._ledger.max_packet)
        return rows

    def _encoder(self, header: bytes) -> RowEncoder | Refusal:
        """The encoder for messages with this header, or why there is none."""
        if header in self._encoders:
            return self._encoders[header]
        until, refusal = self._unknown.get(header, (0.0, _NULL))
        if time.monotonic() < until:
            return refusal
        try:
            schema_id = schema_id_of(header)
            schema = self._schemas.schema_by_id(schema_id)
        except WireFormatError as exc:
            return Refusal("E_WIRE_FORMAT", exc.message)
        except SchemaError as exc:
            refusal = Refusal("E_UNKNOWN_SCHEMA", exc.message)
            if len(self._unknown) >= _UNKNOWN_KEPT:
                self._unknown.clear()
            self._unknown[header] = time.monotonic() + _UNKNOWN_FOR, refusal
            return refusal
        self._encoders[header] = self._new_encoder(schema_id, schema)
        return self._encoders[header]

    def _new_encoder(self, schema_id: int, schema: dict[str, Any]) -> RowEncoder:
        try:
            layout = table_layout(schema, table=self._spec.table, metadata_columns=self._spec.metadata_columns)
        except SchemaError as exc:
            raise SetupError(f"{self._spec.key}: schema id {schema_id}: {exc.message}", hint=exc.hint) from exc
        return RowEncoder(layout, schema, self._spec.key.partition)


def _too_large(rows: Rows, limit: int) -> dict[int, Refusal]:
    """Rows that no statement can carry: a server answers such a one by cutting the connection."""
    room = limit - len(rows.prefix.encode()) - 1
    if not rows.literals or 4 * max(map(len, rows.literals)) < room:  # no character takes more than four bytes
        return {}
    return {
        place: Refusal("E_TOO_LARGE", f"a row of {size:,} bytes is larger than max_allowed_packet {limit:,}")
        for place, literal in zip(rows.places, rows.literals, strict=True)
        if (size := len(literal.encode())) > room
    }
