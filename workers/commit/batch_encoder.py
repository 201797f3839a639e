"""The messages of a batch -> the work that writes them: rows, tombstones, and why some can be neither.

Asks for schemas, and with that may have the table altered, so this comes before any transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import groupby

from avro_schemas.avro.wire_format import HEADER_SIZE
from avro_schemas.tables.evolution import EvolutionError
from avro_schemas.tables.metadata_columns import DELETED_COLUMN
from rtpipe.errors import RtpipeError
from rtpipe.mysql.quoting import quoted, quoted_list
from workers.commit.batch_work import BatchWork, Tombstones
from workers.commit.key_watch import KeyWatch
from workers.commit.row_trial import Rows
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.rows.foreign_values import header_refusals, of_this_value
from workers.rows.row_encoder import Encoded, RowEncoder
from workers.rows.schema_cache import SchemaCache, Schemas
from workers.rows.schema_source import SchemaHaltError

_NULL = Refusal(Reason.NULL_VALUE, "a null value (tombstone), for which the topic's settings have no use")


class HeldAt(Exception):  # noqa: N818 - carries the error that it becomes
    """The table must change before the message at `place` can be written."""

    def __init__(self, place: int, error: RtpipeError) -> None:
        super().__init__(error.message)
        self.place = place
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
        """`hold`: raise HeldAt at a value for which its column must be wider first; else that refuses the message.

        `sign_of_life` is called within a batch, of which one with large values takes a while.
        """
        self._sign_of_life = sign_of_life
        self._hold = hold
        self._spec = spec
        self._schemas = SchemaCache(spec, schemas)
        self._keys = KeyWatch(spec, self._schemas)

    @property
    def key_warning(self) -> str | None:
        """What is wrong with the keys of tombstones; "" if nothing is, None if nobody can tell yet."""
        return self._keys.warning

    def forget(self) -> None:
        """The table is not what it was: ask anew about every schema."""
        self._schemas.forget()

    def work(self, batch: Batch, max_packet: int) -> BatchWork:
        """Rows by schema id: old and new records may alternate, and one INSERT names one set of columns."""
        refused = header_refusals(batch)
        by_header, nulls = _by_header(batch, refused)
        altered: Counter[int] = Counter()
        encoders = self._encoders(batch, by_header)
        parts = []
        for header, places in by_header.items():
            encoder = encoders[header]
            if isinstance(encoder, Refusal):
                refused |= {place: of_this_value(encoder, batch.values[place] or b"") for place in places}
            else:
                made = encoder.encode(batch, places, self._sign_of_life)
                altered |= made.altered
                parts.append(_rows(encoder, made, refused, max_packet))
        if self._hold:
            self._require_room(batch, refused)
        if self._spec.rules.deletes:
            self._keys.compare(batch, parts, nulls)
        tombstones = self._tombstones(batch, nulls, refused)
        work = BatchWork(self._spec, batch, parts, refused, max_packet=max_packet, tombstones=tombstones)
        work.changed = altered
        return work

    def note(self, batch: Batch, work: BatchWork) -> None:
        """The work of the batch, which has tombstones, is committed."""
        if not work.deleted_rows:
            self._keys.nothing_deleted(batch, sorted(work.deletes))

    def _encoders(self, batch: Batch, headers: dict[bytes, list[int]]) -> dict[bytes, RowEncoder | Refusal]:
        """All of a batch at once: a new schema may replace the encoders of those that were met before."""
        beside = self._schemas.new_ids(headers)
        for header, places in headers.items():
            try:
                self._schemas.encoder(header, beside)
            except SchemaHaltError as halt:
                raise HeldAt(places[0], halt.of(f"{self._spec.key} offset {batch.offsets[places[0]]}")) from halt
        return {header: self._schemas.encoder(header, beside) for header in headers}

    def _require_room(self, batch: Batch, refused: dict[int, Refusal]) -> None:
        """Stop at the first value for which a column must be wider: it is no letter, for it is good."""
        narrow = [place for place, refusal in refused.items() if refusal.reason is Reason.UNFIT_TABLE]
        if narrow:
            place, key = min(narrow), self._spec.key
            raise HeldAt(
                place,
                EvolutionError(
                    f"{key} offset {batch.offsets[place]} {refused[place]}",
                    hint=f"rtpipe table apply --topics {key.topic}, then rtpipe resume {key}; or allow_copy = true",
                ),
            )

    def _tombstones(self, batch: Batch, places: list[int], refused: dict[int, Refusal]) -> Tombstones:
        rules = self._spec.rules
        if rules.tombstones == "ignore":
            return Tombstones(ignored=len(places))
        if not rules.deletes:
            refused |= dict.fromkeys(places, _NULL)
            return Tombstones()
        keys = {}
        for place in places:
            key = self._keys.tombstone(batch, place)
            if isinstance(key, Refusal):
                refused[place] = key
            else:
                keys[place] = key
        return Tombstones(keys, _deletion(self._spec), soft=rules.tombstones == "soft_delete")


def _by_header(batch: Batch, refused: Collection[int]) -> tuple[dict[bytes, list[int]], list[int]]:
    """The places of the messages by their first bytes; and of those that have no value."""
    headers = batch.values.heads(HEADER_SIZE)
    nulls: list[int] = []
    by_header: dict[bytes, list[int]] = {}
    for header, run in groupby(range(len(headers)), headers.__getitem__):
        places = nulls if header is None else by_header.setdefault(header, [])
        places += run
    if refused:
        left = {header: [at for at in places if at not in refused] for header, places in by_header.items()}
        by_header = {header: places for header, places in left.items() if places}
    return by_header, nulls


def _rows(encoder: RowEncoder, made: Encoded, refused: dict[int, Refusal], max_packet: int) -> Rows:
    refused |= made.refused
    rows = Rows(encoder.prefix, made.literals, made.places, encoder.suffix, made.keys, placed=encoder.placed)
    refused |= _too_large(rows, max_packet)
    return rows


def _deletion(spec: PartitionSpec) -> str:
    """The beginning of the statement that deletes rows by key, up to the bracket around the keys."""
    table, columns = quoted(spec.table), quoted_list(spec.rules.key)
    soft = spec.rules.tombstones == "soft_delete"
    act = f"UPDATE {table} SET {DELETED_COLUMN} = 1" if soft else f"DELETE FROM {table}"
    return f"{act} WHERE ({columns}) IN ("


def _too_large(rows: Rows, limit: int) -> dict[int, Refusal]:
    """Rows that no statement can carry: a server answers such a one by cutting the connection."""
    room = limit - len(rows.prefix.encode()) - len(rows.suffix.encode()) - len("()") - 1
    if not rows.literals or 4 * max(map(len, rows.literals)) < room:  # no character takes more than four bytes
        return {}
    return {
        place: Refusal(Reason.TOO_LARGE, f"a row of {size:,} bytes is larger than max_allowed_packet {limit:,}")
        for place, literal in zip(rows.places, rows.literals, strict=True)
        if (size := len(literal.encode())) > room
    }
