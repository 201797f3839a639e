"""Which messages of a topic have rows where rows go by key: the last one of each key, unless a tombstone came after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.forms.values import digest
from supervisor.verify.matching.rows import Message
from supervisor.verify.topic.decoder import Decoder
from supervisor.verify.topic.tombstone_keys import TombstoneKeys


class LatestByKey:
    """Made by one pass over the topic; about 250 bytes for each key, and as much for each whose message has another."""

    def __init__(self, messages: Iterable[Sequence[TopicMessage]], decoder: Decoder, *, soft: bool) -> None:
        self._decoder = decoder
        self.keys = TombstoneKeys(decoder)  #: those that do not delete what they should
        self._soft = soft  #: a deleted row stays, with its last values and a 1 in its column `_deleted`
        last: dict[bytes, tuple[tuple[int, int] | None, bool]] = {}
        for batch in messages:
            for message in batch:
                if (key := decoder.key(message)) is not None:
                    self.keys.see(message, key)
                    last[digest(key)] = self._after(last.get(digest(key)), message)
        self._rows = {position: deleted for position, deleted in last.values() if position is not None}

    def _after(
        self, before: tuple[tuple[int, int] | None, bool] | None, message: TopicMessage
    ) -> tuple[tuple[int, int] | None, bool]:
        """The position of a key's row, if it has one, and whether it is deleted, after one more message."""
        if message.value is not None:
            return message.position, False
        return (before[0] if before and self._soft else None), True

    def messages(self, batch: Sequence[TopicMessage], *, with_position: bool) -> Iterator[Message]:
        """Those of the batch that have rows, and those that should have and cannot be decoded."""
        for message in batch:
            deleted = self._rows.get(message.position)
            if deleted is not None:
                end = (int(deleted),) if self._soft else ()
                yield self._decoder.message(message, with_position=with_position, end=end)
            elif self._decoder.key(message) is None:
                yield self._decoder.message(message, with_position=with_position)
