"""Tombstones whose keys are not those of the rows that they were to delete, for `rtpipe verify --values`.

A message with a value says its key in its bytes and in the key columns of its row. Where `key_format` makes something
else of the bytes, a tombstone with the same bytes deletes another row, or none, and whoever reads it in the same way
finds nothing wrong.
"""

from __future__ import annotations

from typing import NamedTuple

from avro_schemas.avro.message_format import look_of_key
from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.forms.values import digest
from supervisor.verify.matching.rows import KEPT_ROWS
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import DifferenceKind
from supervisor.verify.topic.decoder import Decoder, Key


class _Other(NamedTuple):
    """A tombstone, what its key looks like, and the offset of a message with that key whose row has another."""

    partition: int
    offset: int
    looks: str
    of: int | None


class TombstoneKeys:
    """Sees the messages of a topic in their order. Dead letters are not among them: those have deleted nothing."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._others: dict[bytes, int] = {}  # digest of a message's key that is not its row's -> offset
        self._agreed: set[str] = set()  # kinds of looks of those that are
        self._found: list[_Other] = []
        self._more = 0  # that are not kept

    def see(self, message: TopicMessage, row_key: Key) -> None:
        """One message, and the key of its row; of a tombstone what its own key was read as."""
        partition, offset, value, key = message
        keys = self._decoder.keys
        if key is None or keys is None:
            return
        look, known = look_of_key(key), digest((partition, key))
        if value is None:
            doubted = look.kind not in self._agreed and keys.mistakes(look)
            if doubted or known in self._others:
                self._add(_Other(partition, offset, look.words, self._others.get(known)))
        elif self._decoder.message_key(key) == row_key:
            self._agreed.add(look.kind)
            self._others.pop(known, None)
        else:
            self._others[known] = offset

    def _add(self, found: _Other) -> None:
        if len(self._found) < KEPT_ROWS:
            self._found.append(found)
        else:
            self._more += 1

    def judge(self, differences: Differences, topic: str) -> None:
        """Name the tombstones."""
        for partition, offset, looks, of in self._found:
            why = "" if of is None else f", as the row of offset {of} shows, which has the same key"
            text = (
                f"{topic}/{partition} offset {offset}: a tombstone whose key looks like {looks}, and which key_format"
                f" does not read as that of its row{why}: it did not delete that"
            )
            differences.add(DifferenceKind.KEY, text, partition=partition, offset=offset)
        differences.count(DifferenceKind.KEY, self._more)
