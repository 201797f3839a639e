"""Writes batches of one partition: messages -> rows or dead letters -> committed; runs in the writer process."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import NoReturn

from avro_schemas.errors import RtpipeError
from avro_schemas.evolution import EvolutionError
from avro_schemas.metadata_columns import DELETED_COLUMN
from workers.batch_queue import Batch
from workers.batch_work import BatchWork, Rows, Tombstones, TooManyRefused
from workers.database_errors import UNKNOWN_COLUMN, DatabaseTrouble
from workers.dead_letters import Refusal
from workers.errors import DataError, DeadLetterLimitError
from workers.offset_ledger import OffsetLedger
from workers.partition_owner import PartitionOwner
from workers.partition_spec import PartitionSpec
from workers.row_encoder import TOO_NARROW, RowEncoder
from workers.schema_cache import SchemaCache, Schemas, header_of
from workers.schema_source import SchemaRefused

_MINUTE = 60.0


class HeldAt(Exception):  # noqa: N818 - carries the error that it becomes
    """The table must change before the message at `place` can be written."""

    def __init__(self, place: int, error: RtpipeError) -> None:
        super().__init__(error.message)
        self.place = place
        self.error = error


_NULL = Refusal("E_NULL_VALUE", "a null value (tombstone), for which the topic's settings have no use")


class TableWriter:
    """`write` returns once a batch is committed, with a dead letter for each message that cannot be a row.

    Where dead letters are off, or too many for a minute, it stops exactly at the first message that would be one more.
    """

    def __init__(self, spec: PartitionSpec, owner: PartitionOwner, ledger: OffsetLedger, schemas: Schemas) -> None:
        self._spec = spec
        self._owner = owner
        self._ledger = ledger
        self._schemas = SchemaCache(spec, schemas)
        self._letters: deque[tuple[float, int]] = deque()  # when, how many

    def write(self, batch: Batch) -> Counter[str]:
        """Commit the batch; the names of the errors of its dead letters, counted.

        Raises DataError or DeadLetterLimitError at a message that is no row, and EvolutionError at one for which the
        table must change first, after committing all before it.
        """
        try:
            work = self._commit(batch)
        except HeldAt:
            work = self._commit_anew(batch)
        except DatabaseTrouble as trouble:
            if trouble.number != UNKNOWN_COLUMN:
                raise trouble.as_error(f"{self._spec.key} offset {batch.first}") from trouble
            work = self._commit_anew(batch)
        if work.dead:
            self._letters.append((time.monotonic(), work.dead))
        return Counter(refusal.name for refusal in work.refused.values())

    def _commit_anew(self, batch: Batch) -> BatchWork:
        """Somebody changed the table, or may have: ask what it is like now, and try once more."""
        self._schemas.forget()
        try:
            return self._commit(batch)
        except DatabaseTrouble as again:
            raise again.as_error(f"{self._spec.key} offset {batch.first}") from again
        except HeldAt as held:
            if held.place:
                self.write(batch.part(0, held.place))
            raise held.error from held

    def _commit(self, batch: Batch) -> BatchWork:
        work = self._work(batch)
        work.allowed = self._allowance()
        if len(work.refused) > work.allowed:
            place = sorted(work.refused)[work.allowed]
            self._stop_at(batch, place, work.refused[place])
        try:
            self._owner.commit(batch, work)
        except TooManyRefused as stopped:
            self._stop_at(batch, stopped.place, stopped.refusal)
        return work

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
        nulls: list[int] = []
        for place, value in enumerate(batch.values):
            if value is None:
                nulls.append(place)
            else:
                by_header.setdefault(header_of(value), []).append(place)
        refused: dict[int, Refusal] = {}
        encoders = self._encoders(batch, by_header)
        parts = []
        for header, places in by_header.items():
            encoder = encoders[header]
            if isinstance(encoder, Refusal):
                refused |= dict.fromkeys(places, encoder)
            else:
                parts.append(self._rows(encoder, batch, places, refused))
        self._require_room(batch, refused)
        tombstones = self._tombstones(batch, nulls, refused)
        return BatchWork(self._spec, batch, parts, refused, max_packet=self._ledger.max_packet, tombstones=tombstones)

    def _encoders(self, batch: Batch, headers: dict[bytes, list[int]]) -> dict[bytes, RowEncoder | Refusal]:
        """All of a batch at once: a new schema may replace the encoders of those that were met before."""
        for header, places in headers.items():
            try:
                self._schemas.encoder(header)
            except SchemaRefused as refused:
                raise HeldAt(places[0], refused.of(f"{self._spec.key} offset {batch.offsets[places[0]]}")) from refused
        return {header: self._schemas.encoder(header) for header in headers}

    def _require_room(self, batch: Batch, refused: dict[int, Refusal]) -> None:
        """Stop at the first value for which a column must be wider: it is no letter, for it is good."""
        narrow = [place for place, refusal in refused.items() if refusal.name == TOO_NARROW]
        if narrow:
            place, key = min(narrow), self._spec.key
            raise HeldAt(
                place,
                EvolutionError(
                    f"{key} offset {batch.offsets[place]} {refused[place]}",
                    hint=f"rtpipe table apply --topics {key.topic}, then rtpipe resume {key}; or allow_copy = true",
                ),
            )

    def _rows(self, encoder: RowEncoder, batch: Batch, places: list[int], refused: dict[int, Refusal]) -> Rows:
        encoded = encoder.encode(batch, places)
        refused |= encoded.refused
        rows = Rows(
            encoder.prefix, encoded.literals, encoded.places, encoder.suffix, encoded.keys, placed=encoder.placed
        )
        refused |= _too_large(rows, self._ledger.max_packet)
        return rows

    def _tombstones(self, batch: Batch, places: list[int], refused: dict[int, Refusal]) -> Tombstones:
        rules = self._spec.rules
        if rules.tombstones == "ignore":
            return Tombstones(ignored=len(places))
        if not rules.deletes:
            refused |= dict.fromkeys(places, _NULL)
            return Tombstones()
        keys = {}
        for place in places:
            key = self._schemas.key(batch.keys[place])
            if isinstance(key, Refusal):
                refused[place] = key
            else:
                keys[place] = key
        return Tombstones(keys, _deletion(self._spec), soft=rules.tombstones == "soft_delete")


def _deletion(spec: PartitionSpec) -> str:
    """The beginning of the statement that deletes rows by key, up to the bracket around the keys."""
    table, columns = _quoted(spec.table), ", ".join(map(_quoted, spec.rules.key))
    soft = spec.rules.tombstones == "soft_delete"
    act = f"UPDATE {table} SET {DELETED_COLUMN} = 1" if soft else f"DELETE FROM {table}"
    return f"{act} WHERE ({columns}) IN ("


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _too_large(rows: Rows, limit: int) -> dict[int, Refusal]:
    """Rows that no statement can carry: a server answers such a one by cutting the connection."""
    room = limit - len(rows.prefix.encode()) - len(rows.suffix.encode()) - 1
    if not rows.literals or 4 * max(map(len, rows.literals)) < room:  # no character takes more than four bytes
        return {}
    return {
        place: Refusal("E_TOO_LARGE", f"a row of {size:,} bytes is larger than max_allowed_packet {limit:,}")
        for place, literal in zip(rows.places, rows.literals, strict=True)
        if (size := len(literal.encode())) > room
    }
