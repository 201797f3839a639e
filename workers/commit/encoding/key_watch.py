"""Whether the keys of a partition's messages are those of their rows; if not, its tombstones would delete the wrong
row, or none.

A message that has a value says its key twice: in its bytes, which a tombstone has, too, and in the key columns of its
row. Both are compared at the first messages of each batch, and at those with the key of one of its tombstones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from avro_schemas.avro.message_format import NO_KEY, look_of_key
from rtpipe.log import get_logger
from workers.commit.encoding.key_advice import advice_for, key_look
from workers.commit.encoding.row_statements import Rows
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.rows.key_cache import KeyCache

log = get_logger("writer")
#: Messages of each batch whose keys are compared in any case.
_SAMPLE = 20
#: Instead of the kind of a look: tombstones found no row.
_NOTHING = "nothing"


class KeyWatch:
    """Compares keys and rows of one partition, from the start of its worker on."""

    def __init__(self, spec: PartitionSpec, keys: KeyCache) -> None:
        self._spec = spec
        self._keys = keys
        self.distrust = ""  #: why no tombstone may delete by its key, once a key was not that of its row
        self.agreed: set[str] = set()  #: kinds of looks of keys that were
        self._warned: dict[str, str] = {}  #: what was said, by the kinds of looks of keys that were not

    def compare(self, batch: Batch, parts: Sequence[Rows], tombstones: Sequence[int]) -> None:
        """Look at the first keys of the batch, and as long as none differed at those that its tombstones have, too."""
        deleted = set() if self.distrust else {batch.keys[index] for index in tombstones} - {None}
        for number, (index, row_key) in enumerate(_keys_of(parts)):
            if number >= _SAMPLE and not deleted:
                return
            key = batch.keys[index]
            if number >= _SAMPLE and key not in deleted:
                continue
            if self._keys.literals(key) != row_key:
                self._differs(batch, index, row_key)
            elif number < _SAMPLE:
                self.agreed.add(look_of_key(key).kind)

    @property
    def warning(self) -> str | None:
        """What is wrong with the keys; "" if they are those of their rows, None if nobody can tell yet."""
        held = {kind: text for kind, text in self._warned.items() if kind != _NOTHING or not self.agreed}
        differing = [text for kind, text in held.items() if kind not in {NO_KEY.kind, _NOTHING}]
        if held:
            return f"W_KEY_FORMAT: {(differing or list(held.values()))[0]}"
        return "" if self.agreed else None

    def nothing_deleted(self, batch: Batch, tombstones: Sequence[int]) -> None:
        """Say so, once, as long as no message with a value has shown what keys are."""
        if self.agreed or self.distrust or _NOTHING in self._warned:
            return
        look = key_look(batch, tombstones[0])
        self._tell(
            _NOTHING,
            batch.offsets[tombstones[0]],
            f"{len(tombstones):,} tombstones from here on found no row by their keys (this looks like {look.words}),"
            " and no message with a value has come since the start to compare them with. Are they what"
            f' key_format = "{self._spec.rules.key_format}" says? `rtpipe verify --values` compares all messages',
        )

    def _differs(self, batch: Batch, index: int, row_key: str) -> None:
        look = key_look(batch, index)
        if look.kind in self._warned:
            return
        offset, key_format = batch.offsets[index], self._spec.rules.key_format
        if look is NO_KEY:
            text = "a message has no key: messages of one row may be in several partitions, and read in any order"
            self._tell(look.kind, offset, text)
            return
        advice = advice_for(look, self._keys.format_of(batch.keys[index], row_key))
        self.distrust = self.distrust or (
            f"the key of offset {offset} (it looks like {look.words}) is not the key of its row, so the keys"
            f" of this partition are not used for deletes; {advice}"
        )
        self._tell(
            look.kind,
            offset,
            f'the key of a message looks like {look.words}, of which key_format = "{key_format}" does not make'
            f" what its row has in {', '.join(self._spec.rules.key)}: {advice}. Rows are written all the same, but this"
            " partition's tombstones become dead letters (E_KEY)",
        )

    def _tell(self, kind: str, offset: int, text: str) -> None:
        self._warned[kind] = text
        extra = {"event": "key_format", "partition": str(self._spec.key), "offset": offset}
        log.warning("W_KEY_FORMAT %s offset %d: %s", self._spec.key, offset, text, extra=extra)


def _keys_of(parts: Sequence[Rows]) -> Iterator[tuple[int, str]]:
    for part in parts:
        yield from zip(part.indexes, part.keys, strict=True)
