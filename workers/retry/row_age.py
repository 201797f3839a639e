"""Whether the table holds already what an old message would write, or something newer; asked inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from avro_schemas.tables.metadata_columns import DELETED_COLUMN, OFFSET_COLUMN, PARTITION_COLUMN, POSITION
from rtpipe.mysql.quoting import quoted, quoted_list
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.contract.partition_spec import PartitionSpec
from workers.retry.dead_letter import DeadLetter

#: Runs a query, by its whole text.
Query = Callable[[bytes], Sequence[Sequence[Any]]]
_KEYS_A_QUERY = 100


class RowAge:
    """Compares dead letters with the rows of their table. `force`: newer state of a key does not count."""

    def __init__(self, spec: PartitionSpec, *, force: bool) -> None:
        self._spec = spec
        self._force = force
        self._table = quoted(spec.table)

    def reasons(self, dead_letters: Sequence[DeadLetter], encoded: EncodedBatch, query: Query) -> dict[int, str]:
        """Why some must not be written, by index."""
        if self._spec.rules.mode == "upsert":
            return {} if self._force else self._newer(dead_letters, encoded, query)
        return self._doubled(dead_letters, query) if encoded.by_position else {}

    def _doubled(self, dead_letters: Sequence[DeadLetter], query: Query) -> dict[int, str]:
        """Rows that came in another way: the offset was set back, and the message was read again."""
        offsets = ", ".join(str(dead_letter.offset) for dead_letter in dead_letters)
        here = f"{PARTITION_COLUMN} = {self._spec.key.partition} AND {OFFSET_COLUMN} IN ({offsets})"
        found = {row[0] for row in query(f"SELECT {OFFSET_COLUMN} FROM {self._table} WHERE {here}".encode())}
        why = f"its row is in {self._spec.table} already: drop the dead letter"
        return {at: why for at, dead_letter in enumerate(dead_letters) if dead_letter.offset in found}

    def _newer(self, dead_letters: Sequence[DeadLetter], encoded: EncodedBatch, query: Query) -> dict[int, str]:
        """Keys that have, or may have, newer state than the dead letter."""
        keys = {at: key for at, key in sorted(encoded.keys.items()) if at not in encoded.refused}
        if not set(POSITION) <= set(self._spec.rules.metadata):
            why = f"without the metadata columns {', '.join(POSITION)} nobody knows if its key has newer state"
            return dict.fromkeys(keys, f"{why}; --force writes it all the same")
        rows = self._rows(keys, query)
        judged = {at: self._judge(dead_letters[at], rows.get(at), deletes=at in encoded.tombstones.keys) for at in keys}
        return {at: f"{why}; --force writes it all the same" for at, why in judged.items() if why}

    def _rows(self, keys: Mapping[int, str], query: Query) -> dict[int, tuple[int, int, bool]]:
        """Partition, offset and whether it counts as deleted, of the row of each key that has one."""
        columns = quoted_list(self._spec.rules.key)
        deleted = DELETED_COLUMN if self._spec.rules.tombstones == "soft_delete" else "0"
        found_in = f"{PARTITION_COLUMN}, {OFFSET_COLUMN}, {deleted} FROM {self._table} WHERE ({columns}) IN"
        parts = [f"SELECT {at}, {found_in} (({key}))" for at, key in keys.items()]
        rows: dict[int, tuple[int, int, bool]] = {}
        for start in range(0, len(parts), _KEYS_A_QUERY):
            found = query(" UNION ALL ".join(parts[start : start + _KEYS_A_QUERY]).encode())
            rows |= {int(row[0]): (int(row[1]), int(row[2]), bool(row[3])) for row in found}
        return rows

    def _judge(self, dead_letter: DeadLetter, row: tuple[int, int, bool] | None, *, deletes: bool) -> str:
        """Why the dead letter may be older than what is known of its key; "" if it is not."""
        if row is None:
            unknown = self._spec.rules.tombstones == "delete" and not deletes
            return "its key has no row: a later message may have deleted it" if unknown else ""
        partition, offset, deleted = row
        if partition != self._spec.key.partition:
            return f"the row of its key is of partition {partition}, whose offsets do not compare"
        if offset > dead_letter.offset:
            return f"the row of its key is newer, of offset {offset}"
        return "the row of its key is marked as deleted, perhaps by a later message" if deleted and not deletes else ""
