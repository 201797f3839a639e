"""Which messages of a topic have rows where rows go by key: the last one of each key, unless a tombstone came after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from supervisor.verify.decoder import Decoder
from supervisor.verify.rows import Message
from supervisor.verify.tombstone_keys import TombstoneKeys
from supervisor.verify.topic_reader import Place
from supervisor.verify.values import digest


class TopicFold:
    """Made by one pass over the topic; about 250 bytes for each key, and as much for each whose message has another."""

    def __init__(self, messages: Iterable[Sequence[Place]], decoder: Decoder, *, soft: bool) -> None:
        self._decoder = decoder
        self.keys = TombstoneKeys(decoder)  #: those that do not delete what they should
        self._soft = soft  #: a deleted row stays, with its last values and a 1 in its column `_deleted`
        last: dict[bytes, tuple[tuple[int, int] | None, bool]] = {}
        for batch in messages:
            for place in batch:
                if (key := decoder.key(place)) is not None:
                    self.keys.see(place, key)
                    last[digest(key)] = self._after(last.get(digest(key)), place)
        self._rows = {at: deleted for at, deleted in last.values() if at is not None}

    def _after(
        self, before: tuple[tuple[int, int] | None, bool] | None, place: Place
    ) -> tuple[tuple[int, int] | None, bool]:
        """The place of a key's row, if it has one, and whether it is deleted, after one more message."""
        if place[2] is not None:
            return place[:2], False
        return (before[0] if before and self._soft else None), True

    def messages(self, batch: Sequence[Place], *, placed: bool) -> Iterator[Message]:
        """Those of the batch that have rows, and those that should have and cannot be decoded."""
        for place in batch:
            deleted = self._rows.get(place[:2])
            if deleted is not None:
                yield self._decoder.message(place, placed=placed, end=(int(deleted),) if self._soft else ())
            elif self._decoder.key(place) is None:
                yield self._decoder.message(place, placed=placed)
