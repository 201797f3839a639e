"""What a person may do to dead letters: count them, look at them, drop them. Retries are in retry.py."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, literal, null, select, text, update

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from supervisor.admin.connection import admin_connection
from supervisor.dead_letters.selection import Selection
from workers.contract.partition_spec import PartitionKey
from workers.retry.dead_letter import DeadLetter, DeadLetterSource, dead_letter_of

#: Most dead letters, and most bytes, of a chunk: it is written in one transaction, which holds up the writer.
_CHUNK, _CHUNK_BYTES = 200, 4 << 20
_DROPPED_AT_ONCE = 1_000
#: More dead letters than there can be.
_NO_LIMIT = 1 << 62
_CONTENT = ("key", "value", "headers")
#: Bytes of a value that are read to be decoded; of a longer one only the begin is, which is shown as it is.
_DECODED_BYTES, _BEGIN = 64 << 10, 1_024
_WITHOUT_CONTENT = [null().label(column.name) if column.name in _CONTENT else column for column in DEAD_LETTERS.columns]
_BOUNDED_VALUE = case(
    (func.length(DEAD_LETTERS.c.value) <= _DECODED_BYTES, DEAD_LETTERS.c.value),
    else_=func.substr(DEAD_LETTERS.c.value, 1, _BEGIN),
).label("value")
_WITH_VALUE = [_BOUNDED_VALUE if column.name == "value" else column for column in _WITHOUT_CONTENT]
_SOURCE = (DEAD_LETTERS.c.topic, DEAD_LETTERS.c["partition"], DEAD_LETTERS.c.consumer_group, DEAD_LETTERS.c.topic_id)


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """How many dead letters a topic has of one error, and when they were written, in UTC."""

    topic: str
    error_name: str
    count: int
    first: dt.datetime
    last: dt.datetime


class DeadLetterAdmin:
    """Reads dead letters with any account, and drops them with the consumer's. Each question has its own connection."""

    def __init__(self, database_url: str, silence: int) -> None:
        """`silence`: seconds until a silent database counts as gone."""
        self._url, self._silence = database_url, silence

    def _connection(self, doing: str) -> AbstractContextManager[Connection]:
        return admin_connection(self._url, self._silence, DEAD_LETTERS.name, doing)

    def now(self) -> dt.datetime:
        """The server's time, by which dead letters are dated."""
        with self._connection("asking for the time") as connection:
            moment: dt.datetime = connection.execute(select(func.utc_timestamp(text("6")))).scalar_one()
        return moment

    def counts(self, chosen: Selection) -> list[DeadLetterCount]:
        """How many there are of each topic and error."""
        groups = (DEAD_LETTERS.c.topic, DEAD_LETTERS.c.error_name)
        times = (func.min(DEAD_LETTERS.c.written_at), func.max(DEAD_LETTERS.c.written_at))
        query = select(*groups, func.count(), *times).where(chosen.where()).group_by(*groups).order_by(*groups)
        with self._connection("counting dead letters") as connection:
            return [DeadLetterCount(*row) for row in connection.execute(query)]

    def newest(self, chosen: Selection, limit: int, *, values: bool = False) -> list[DeadLetter]:
        """The newest dead letters, without key, value and headers; with `values` also values, long ones cut."""
        order = (DEAD_LETTERS.c.written_at.desc(), *_SOURCE[:2], DEAD_LETTERS.c.offset.desc())
        columns = _WITH_VALUE if values else _WITHOUT_CONTENT
        query = select(*columns).where(chosen.where()).order_by(*order).limit(limit)
        with self._connection("reading dead letters") as connection:
            return [dead_letter_of(row) for row in connection.execute(query)]

    def at(self, key: PartitionKey, offset: int) -> list[DeadLetter]:
        """The dead letters of one message, dropped or not: one for each consumer group and topic id that has it."""
        here = (
            DEAD_LETTERS.c.topic == key.topic,
            DEAD_LETTERS.c["partition"] == key.partition,
            DEAD_LETTERS.c.offset == offset,
        )
        with self._connection("reading a dead letter") as connection:
            return [dead_letter_of(row) for row in connection.execute(select(DEAD_LETTERS).where(*here))]

    def sources(self, chosen: Selection) -> list[DeadLetterSource]:
        """The partitions that have such dead letters."""
        query = select(*_SOURCE).where(chosen.where()).distinct().order_by(*_SOURCE)
        with self._connection("reading dead letters") as connection:
            rows = connection.execute(query).all()
        return [DeadLetterSource(PartitionKey(row[0], row[1]), row[2], row[3]) for row in rows]

    def chunks(
        self, source: DeadLetterSource, chosen: Selection, until: dt.datetime, limit: int | None
    ) -> Iterator[list[DeadLetter]]:
        """At most `limit` dead letters of a source with all they have, by offset, a few at a time, as they are by then.

        `limit` None: all.

        Those that came after `until` are left out, or a stream of bad messages would never end.
        """
        last = -1
        limit = _NO_LIMIT if limit is None else limit
        while limit > 0:
            where = (source.where(), chosen.where(), DEAD_LETTERS.c.offset > last, DEAD_LETTERS.c.written_at <= until)
            size = func.coalesce(func.length(DEAD_LETTERS.c.value), literal(0))
            sizes = (
                select(DEAD_LETTERS.c.offset, size)
                .where(*where)
                .order_by(DEAD_LETTERS.c.offset)
                .limit(min(limit, _CHUNK))
            )
            with self._connection("reading dead letters") as connection:
                offsets = _fitting([(row[0], row[1]) for row in connection.execute(sizes)])
                full = (
                    select(DEAD_LETTERS)
                    .where(*where, DEAD_LETTERS.c.offset.in_(offsets))
                    .order_by(DEAD_LETTERS.c.offset)
                )
                dead_letters = [dead_letter_of(row) for row in connection.execute(full)]
            if not offsets:
                return
            if dead_letters:
                yield dead_letters
            last = offsets[-1]
            limit -= len(offsets)

    def all(self, chosen: Selection) -> Iterator[DeadLetter]:
        """All dead letters that there are by now, with all they have, source by source."""
        until = self.now()
        for source in self.sources(chosen):
            for dead_letters in self.chunks(source, chosen, until, None):
                yield from dead_letters

    def drop_all(self, chosen: Selection, until: dt.datetime) -> Counter[str]:
        """The same as `drop` for every source: how many of each topic."""
        dropped: Counter[str] = Counter()
        for source in self.sources(chosen):
            dropped[source.key.topic] += self.drop(source, chosen, until)
        return dropped

    def drop(self, source: DeadLetterSource, chosen: Selection, until: dt.datetime) -> int:
        """Delete the content of the dead letters of a source that were there at `until`; how many they were."""
        statement = (
            update(DEAD_LETTERS)
            .where(source.where(), chosen.where(), DEAD_LETTERS.c.written_at <= until)
            .values(key=null(), value=null(), headers=null(), dropped_at=func.utc_timestamp(text("6")))
            .with_dialect_options(mysql_limit=_DROPPED_AT_ONCE)
        )
        dropped = 0
        while True:
            with self._connection("dropping dead letters") as connection:
                count = connection.execute(statement).rowcount
                connection.commit()
            dropped += count
            if count < _DROPPED_AT_ONCE:
                return dropped


def _fitting(sizes: list[tuple[int, int]]) -> list[int]:
    """The first offsets, at least one if there are any, as far as their values fit a chunk."""
    offsets: list[int] = []
    room = _CHUNK_BYTES
    for offset, size in sizes:
        room -= size
        if offsets and room < 0:
            break
        offsets.append(offset)
    return offsets
