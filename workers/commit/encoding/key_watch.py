"""Whether the keys of a partition's messages are those of their rows; if not, its tombstones would delete the wrong
row, or none.

A message that has a value says its key twice: in its bytes, which a tombstone has, too, and in the key columns of its
row. Both are compared at the first messages of each batch, and at those with the key of one of its tombstones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from avro_schemas.avro.message_format import NO_KEY, Look, look_of_headers, look_of_key
from rtpipe.log import get_logger
from workers.commit.encoding.row_statements import Rows
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.rows.key_cache import KeyCache

log = get_logger("writer")
#: Messages of each batch whose keys are compared in any case.
_SAMPLE = 20
#: What a key that looks so is most often written for.
_FORMATS = {
    "int": "int",
    "long": "long",
    "registry": "avro",
    "json": "json",
    "envelope": "json_schema",
    "struct": "connect_struct",
}
#: Instead of the kind of a look: tombstones found no row.
_NOTHING = "nothing"
#: Looks of keys that are of some format.
_OF_FORMATS = {"text", "empty", *_FORMATS}


@dataclass(frozen=True, slots=True)
class _Difference:
    offset: int
    looks: str
    advice: str


class KeyWatch:
    """Compares keys and rows of one partition, from the start of its worker on."""

    def __init__(self, spec: PartitionSpec, keys: KeyCache) -> None:
        self._spec = spec
        self._keys = keys
        self._first: _Difference | None = None
        self._warned: dict[str, str] = {}  #: what was said, by the kinds of looks of keys that differed
        self._agreed: set[str] = set()  #: kinds of looks of keys that did not

    def compare(self, batch: Batch, parts: Sequence[Rows], tombstones: Sequence[int]) -> None:
        """Look at the first keys of the batch, and as long as none differed at those that its tombstones have, too."""
        deleted = set() if self._first else {batch.keys[index] for index in tombstones} - {None}
        for number, (index, row_key) in enumerate(_keys_of(parts)):
            if number >= _SAMPLE and not deleted:
                return
            key = batch.keys[index]
            if number >= _SAMPLE and key not in deleted:
                continue
            if self._keys.literals(key) != row_key:
                self._differs(batch, index, row_key)
            elif number < _SAMPLE:
                self._agreed.add(look_of_key(key).kind)

    @property
    def warning(self) -> str | None:
        """What is wrong with the keys; "" if they are those of their rows, None if nobody can tell yet."""
        held = {kind: text for kind, text in self._warned.items() if kind != _NOTHING or not self._agreed}
        differing = [text for kind, text in held.items() if kind not in {NO_KEY.kind, _NOTHING}]
        if held:
            return f"W_KEY_FORMAT: {(differing or list(held.values()))[0]}"
        return "" if self._agreed else None

    def nothing_deleted(self, batch: Batch, tombstones: Sequence[int]) -> None:
        """Say so, once, as long as no message with a value has shown what keys are."""
        if self._agreed or self._first or _NOTHING in self._warned:
            return
        look = _look(batch, tombstones[0])
        self._tell(
            _NOTHING,
            batch.offsets[tombstones[0]],
            f"{len(tombstones):,} tombstones from here on found no row by their keys (this looks like {look.words}),"
            " and no message with a value has come since the start to compare them with. Are they what"
            f' key_format = "{self._spec.rules.key_format}" says? `rtpipe verify --values` compares all messages',
        )

    def tombstone(self, batch: Batch, index: int) -> str | Refusal:
        """The key by which to delete, as literals; or why there is none that can be trusted."""
        raw = batch.keys[index]
        key = self._keys.literals(raw)
        look = _look(batch, index)
        if isinstance(key, Refusal):
            return key if raw is None else Refusal(Reason.KEY, f"{key.why}{_guess(look, self._spec.rules.key_format)}")
        if look.kind not in self._agreed and self._keys.reader.mistakes(look):
            why = f'a key that looks like {look.words}, which is read as it stands by key_format = "text"'
            return Refusal(Reason.KEY, why + _guess(look, "text"))
        if self._first is not None:
            first = self._first
            why = (
                f"the key of offset {first.offset} (it looks like {first.looks}) is not the key of its row, so the keys"
                f" of this partition are not used for deletes; {first.advice}"
            )
            return Refusal(Reason.KEY, why)
        return key

    def _differs(self, batch: Batch, index: int, row_key: str) -> None:
        look = _look(batch, index)
        if look.kind in self._warned:
            return
        offset, key_format = batch.offsets[index], self._spec.rules.key_format
        if look is NO_KEY:
            text = "a message has no key: messages of one row may be in several partitions, and read in any order"
            self._tell(look.kind, offset, text)
            return
        fitting = self._keys.format_of(batch.keys[index], row_key)
        advice = f'set key_format = "{fitting}"' if fitting else _help(look) or _OTHER_KEY
        self._first = self._first or _Difference(offset, look.words, advice)
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


_WITHOUT_FORMAT = {
    "null": "",
    "controls": "",
    "binary": "",
    "uuid": "",
    "xml": "",
    "newline": "let the producer leave the newline away",
    "mark": "let the producer leave the mark away",
}
_OTHER_KEY = 'no key_format does. Is the topic keyed by something else than `key`? Then tombstones = "ignore" is for it'


def _keys_of(parts: Sequence[Rows]) -> Iterator[tuple[int, str]]:
    for part in parts:
        yield from zip(part.indexes, part.keys, strict=True)


def _look(batch: Batch, index: int) -> Look:
    return look_of_headers(batch.headers.get(index) or (), "key") or look_of_key(batch.keys[index])


def _guess(look: Look, key_format: str) -> str:
    """What to do about a key that looks so and is none by this format, as far as its look tells."""
    fits = _FORMATS.get(look.kind)
    if fits and fits != key_format:
        return f'; set key_format = "{fits}"?'
    return f"; {_help(look)}" if _help(look) else ""


def _help(look: Look) -> str:
    """What the producer may do about keys that no format is for."""
    return "" if look.kind in _OF_FORMATS else _WITHOUT_FORMAT.get(look.kind, look.hint)
