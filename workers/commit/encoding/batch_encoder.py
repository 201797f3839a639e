"""The messages of a batch -> their rows and tombstones, and why some can be neither.

Asks for schemas, and with that may have the table altered, so this comes before any transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import groupby

from avro_schemas.avro.wire_format import HEADER_SIZE
from avro_schemas.tables.evolution import EvolutionError
from rtpipe.errors import RtpipeError
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.key_watch import KeyWatch
from workers.commit.encoding.row_statements import LoadedRows, Rows
from workers.commit.encoding.tombstones import tombstones_of
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.rows.foreign_values import header_refusals, of_this_value
from workers.rows.key_cache import KeyCache
from workers.rows.row_encoder import Encoded, RowEncoder
from workers.rows.schema_cache import SchemaCache, Schemas
from workers.rows.schema_source import SchemaHaltError

#: How many times as long as its message a row may be, where it is JSON with names and escapes.
_GROWTH = 64


class TableMustChange(Exception):  # noqa: N818 - carries the error that it becomes
    """The table must change before the message at `index` can be written."""

    def __init__(self, index: int, error: RtpipeError) -> None:
        super().__init__(error.message)
        self.index = index
        self.error = error


class BatchEncoder:
    """Encodes the messages of one partition; remembers the schemas that it met."""

    def __init__(
        self,
        spec: PartitionSpec,
        schemas: Schemas,
        *,
        hold: bool = True,
        sign_of_life: Callable[[], None] = lambda: None,
    ) -> None:
        """`hold`: raise TableMustChange at a value for which its column must be wider first; else that refuses the
        message.

        `sign_of_life` is called within a batch, of which one with large values takes a while.
        """
        self._sign_of_life = sign_of_life
        self._hold = hold
        self._spec = spec
        self._schemas = SchemaCache(spec, schemas)
        self._keys = KeyCache(spec.rules, self._schemas.newest_layout, schemas.key)
        self._watch = KeyWatch(spec, self._keys)

    @property
    def key_warning(self) -> str | None:
        """What is wrong with the keys of tombstones; "" if nothing is, None if nobody can tell yet."""
        return self._watch.warning

    def forget(self) -> None:
        """The table is not what it was: ask anew about every schema."""
        self._schemas.forget()

    def encode(self, batch: Batch, max_packet: int, *, load: bool = False) -> EncodedBatch:
        """Rows by schema id: old and new records may alternate, and one INSERT names one set of columns.

        `max_packet`: bytes of a statement that the server takes. `load`: rows may go by LOAD DATA LOCAL.
        """
        refused = header_refusals(batch)
        by_header, nulls = _by_header(batch, refused)
        altered: Counter[int] = Counter()
        parts: list[Rows] = []
        loaded: list[LoadedRows] = []
        load = load and _all_fit(batch, max_packet)
        encoders = self._encoders(batch, by_header)
        for header, indexes in by_header.items():
            encoder = encoders[header]
            if isinstance(encoder, Refusal):
                refused |= {index: of_this_value(encoder, batch.values[index] or b"") for index in indexes}
                continue
            made, rest = self._encoded(encoder, batch, indexes, load=load)
            loaded += rest
            part = _rows(encoder, made)
            parts.append(part)
            altered |= made.altered
            refused |= made.refused | _too_large(part, max_packet)
        if self._hold:
            self._require_room(batch, refused)
        if self._spec.rules.deletes:
            self._watch.compare(batch, parts, nulls)
        tombstones, more = tombstones_of(self._spec, self._keys, self._watch, batch, nulls)
        return EncodedBatch(self._spec, batch, parts, refused | more, tombstones, altered, loaded)

    def _encoded(
        self, encoder: RowEncoder, batch: Batch, indexes: list[int], *, load: bool
    ) -> tuple[Encoded, list[LoadedRows]]:
        """A column at a time, where that is offered and nothing is in doubt; else one message after the other.

        By LOAD DATA go all rows but the first. INSERT refuses that one, and all, if the table's columns are no longer
        what they were: LOAD DATA LOCAL would fill a new one with 0, and lose values for one that is computed now.
        """
        columns = encoder.columns
        if columns is not None and not load and (found := columns.literals(batch, indexes)) is not None:
            literals, keys = found
            return Encoded(literals, indexes, keys), []
        if columns is not None and load and len(indexes) > 1:
            content = columns.file(batch, indexes[1:])
            if content is not None and (first := encoder.encode(batch, indexes[:1], self._sign_of_life)).literals:
                return first, [LoadedRows(self._spec.table, columns.load_columns, content, indexes[1:])]
        return encoder.encode(batch, indexes, self._sign_of_life), []

    def committed(self, encoded: EncodedBatch, deleted_rows: int) -> None:
        """The batch is committed, and its tombstones found so many rows."""
        if encoded.tombstones.keys and not deleted_rows:
            self._watch.nothing_deleted(encoded.batch, sorted(encoded.tombstones.keys))

    def _encoders(self, batch: Batch, by_header: dict[bytes, list[int]]) -> dict[bytes, RowEncoder | Refusal]:
        """All of a batch at once: a new schema may replace the encoders of those that were met before."""
        also = self._schemas.new_ids(by_header)
        for header, indexes in by_header.items():
            try:
                self._schemas.encoder(header, also)
            except SchemaHaltError as halt:
                first = indexes[0]
                raise TableMustChange(first, halt.of(f"{self._spec.key} offset {batch.offsets[first]}")) from halt
        return {header: self._schemas.encoder(header, also) for header in by_header}

    def _require_room(self, batch: Batch, refused: dict[int, Refusal]) -> None:
        """Stop at the first value for which a column must be wider: it is no dead letter, for it is good."""
        narrow = [index for index, refusal in refused.items() if refusal.reason is Reason.UNFIT_TABLE]
        if narrow:
            first, key = min(narrow), self._spec.key
            error = EvolutionError(
                f"{key} offset {batch.offsets[first]} {refused[first]}",
                hint=f"rtpipe table apply --topics {key.topic}, then rtpipe resume {key}; or allow_copy = true",
            )
            raise TableMustChange(first, error)


def _by_header(batch: Batch, refused: Collection[int]) -> tuple[dict[bytes, list[int]], list[int]]:
    """The indexes of the messages by their first bytes; and of those that have no value."""
    if not refused and (header := batch.values.head_of_all(HEADER_SIZE)) is not None:  # as nearly always
        return {header: list(range(len(batch.values)))}, []
    headers = batch.values.heads(HEADER_SIZE)
    nulls: list[int] = []
    by_header: dict[bytes, list[int]] = {}
    for header, run in groupby(range(len(headers)), headers.__getitem__):
        indexes = nulls if header is None else by_header.setdefault(header, [])
        indexes += run
    if refused:
        left = {header: [at for at in indexes if at not in refused] for header, indexes in by_header.items()}
        by_header = {header: indexes for header, indexes in left.items() if indexes}
    return by_header, nulls


def _rows(encoder: RowEncoder, made: Encoded) -> Rows:
    return Rows(encoder.prefix, made.literals, made.indexes, encoder.suffix, made.keys, by_position=encoder.by_position)


def _all_fit(batch: Batch, max_packet: int) -> bool:
    """Whether no message is so long that its row may be too large for a statement, and by that a dead letter."""
    most = max_packet // _GROWTH
    headers = max(
        (sum(len(name) + len(value or b"") for name, value in one or ()) for one in batch.headers.values()), default=0
    )
    return batch.size + headers <= most or batch.values.longest + batch.keys.longest + headers <= most


def _too_large(part: Rows, max_packet: int) -> dict[int, Refusal]:
    """A server answers a statement that is too long by cutting the connection."""
    return {
        index: Refusal(Reason.TOO_LARGE, f"a row of {size:,} bytes is larger than max_allowed_packet {max_packet:,}")
        for index, size in part.too_large(max_packet).items()
    }
