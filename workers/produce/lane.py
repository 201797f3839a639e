"""A lane of `rtpipe produce`: a share of a topic's keys, with a random generator, a clock and an order of its own."""

from __future__ import annotations

import io
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import fastavro

from avro_schemas.avro.type_reader import RecordSchema, read_record
from avro_schemas.avro.wire_format import pack
from avro_schemas.avro.wire_schema import wire_schema
from workers.produce.columns import Column, column_of, is_plain, key_column_of
from workers.produce.nested_samples import Draws
from workers.produce.order import ProcessOrder, TopicPlan
from workers.produce.samples import drawn_in_lane, key_text, sample_of

SEEDED_START = 1_679_818_410_755_000_000  #: ns since 1970: where time begins for seeded messages
SEEDED_STEP = 1_000_000  #: ns from one message of a lane to the next

Messages = Iterable[tuple[bytes, bytes]]  #: (key, value in the registry's wire format)


class Lane:
    """`left` messages of it are still to be sent (infinite without a count); `take` gives the next n."""

    def __init__(self, plan: TopicPlan, lane: int, order: ProcessOrder) -> None:
        self.topic = plan.topic
        self.left = sys.maxsize if order.count is None else len(range(lane, order.count, plan.lanes))
        self.take = taker(plan, lane, order.seed)


class Clock:
    """The instants of messages, ns since 1970: the time now, or, with a seed, one that goes on with each message."""

    def __init__(self, seed: int | None) -> None:
        self._seeded = seed is not None
        self._next = SEEDED_START

    def take(self, count: int) -> Sequence[int]:
        """The instants of the next `count` messages."""
        if not self._seeded:
            return (time.time_ns(),) * count
        first, self._next = self._next, self._next + count * SEEDED_STEP
        return range(first, self._next, SEEDED_STEP)


class Columns:
    """All fields of a lane's messages, worked through one field at a time."""

    def __init__(self, plan: TopicPlan, record: RecordSchema, lane: int, seed: int | None) -> None:
        rng = _generator(plan, lane, seed)
        self._clock = Clock(seed)
        self._columns: list[Column] = []
        for place, (field, found) in enumerate(record.fields):
            if field["name"] == plan.key_field:
                column, self._key_text = key_column_of(found, plan.key_field, rng, lane, plan.lanes)
                self._key_place = place
            else:
                column = column_of(found, field["name"], rng)
            self._columns.append(column)
        self._columns[0] = replace(self._columns[0], prefix=pack(plan.schema_id) + self._columns[0].prefix)
        self._draws = [column.draw for column in self._columns if column.draw]

    def take(self, count: int) -> Messages:
        """The next `count` messages."""
        instants = self._clock.take(count)
        answers = [draw() for _ in range(count) for draw in self._draws]
        by_field = (answers[place :: len(self._draws)] for place in range(len(self._draws)))
        parts: list[Iterable[bytes]] = []
        for place, column in enumerate(self._columns):
            drawn = next(by_field) if column.draw else instants
            if column.timed and column.draw:
                drawn = [instant if there else None for instant, there in zip(instants, drawn, strict=True)]
            encoded = column.encode(drawn)
            parts += (itertools.repeat(column.prefix), encoded) if column.prefix else (encoded,)
            if place == self._key_place:
                keys = self._key_text(drawn) if self._key_text else encoded
        return zip(keys, map(b"".join, zip(*parts, strict=False)), strict=True)


def taker(plan: TopicPlan, lane: int, seed: int | None) -> Callable[[int], Messages]:
    """What gives a lane's next messages: by columns if each field can be one, else one after the other."""
    record = read_record(plan.schema)
    if all(is_plain(found) for _, found in record.fields):
        return Columns(plan, record, lane, seed).take
    messages = one_by_one(plan, lane, seed)
    return lambda count: itertools.islice(messages, count)


def one_by_one(plan: TopicPlan, lane: int, seed: int | None) -> Iterator[tuple[bytes, bytes]]:
    """A lane's messages without end; the same ones for the same seed.

    The key field keeps to the lane's share of its values and is never null.
    """
    rng, clock = _generator(plan, lane, seed), Clock(seed)
    instant = 0
    record = read_record(plan.schema)
    types = {field["name"]: found for field, found in record.fields}
    key = sample_of(types[plan.key_field], field=plan.key_field)
    draws = Draws(record.records, rng, lambda: instant)
    fields = [
        (
            name,
            drawn_in_lane(key, rng, lambda: instant, lane, plan.lanes)
            if name == plan.key_field
            else draws.of(found, name),
        )
        for name, found in types.items()
    ]
    schema = fastavro.parse_schema(wire_schema(record))
    to_key = key_text(types[plan.key_field])
    key_field, write, out = plan.key_field, fastavro.schemaless_writer, io.BytesIO()
    header = out.write(pack(plan.schema_id))
    while True:
        instant = clock.take(1)[0]
        row = {name: draw() for name, draw in fields}
        out.seek(header)
        out.truncate()
        write(out, schema, row)
        yield to_key(row[key_field]), out.getvalue()


def _generator(plan: TopicPlan, lane: int, seed: int | None) -> random.Random:
    return random.Random(None if seed is None else f"{seed}/{plan.topic}/{lane}")
